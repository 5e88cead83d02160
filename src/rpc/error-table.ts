import { Code } from '@connectrpc/connect';
import { status } from '@grpc/grpc-js';
import {
  AlreadyExistsError,
  CallerPermissionError,
  CancelledError,
  DeadlineExceededError,
  FailedPreconditionError,
  ForbiddenError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  OverloadedError,
  UnauthenticatedError,
  UnavailableError,
} from '../domain/errors.ts';
import type { TaskgateError } from '../domain/errors.ts';

/** One status in the words of each transport. The numbers are the same; the types are not. */
export interface WireStatus {
  readonly grpc: status;
  readonly connect: Code;
}

const INTERNAL: WireStatus = { grpc: status.INTERNAL, connect: Code.Internal };

/** The one table from errors to status codes, for every transport. */
const STATUS_BY_ERROR: ReadonlyMap<unknown, WireStatus> = new Map<unknown, WireStatus>([
  [CancelledError, { grpc: status.CANCELLED, connect: Code.Canceled }],
  [InvalidArgumentError, { grpc: status.INVALID_ARGUMENT, connect: Code.InvalidArgument }],
  [DeadlineExceededError, { grpc: status.DEADLINE_EXCEEDED, connect: Code.DeadlineExceeded }],
  [FailedPreconditionError, { grpc: status.FAILED_PRECONDITION, connect: Code.FailedPrecondition }],
  [NotFoundError, { grpc: status.NOT_FOUND, connect: Code.NotFound }],
  [UnauthenticatedError, { grpc: status.UNAUTHENTICATED, connect: Code.Unauthenticated }],
  [CallerPermissionError, { grpc: status.PERMISSION_DENIED, connect: Code.PermissionDenied }],
  [ForbiddenError, { grpc: status.PERMISSION_DENIED, connect: Code.PermissionDenied }],
  [AlreadyExistsError, { grpc: status.ALREADY_EXISTS, connect: Code.AlreadyExists }],
  [OverloadedError, { grpc: status.RESOURCE_EXHAUSTED, connect: Code.ResourceExhausted }],
  [InternalError, INTERNAL],
  [UnavailableError, { grpc: status.UNAVAILABLE, connect: Code.Unavailable }],
]);

/** The status that a caller gets for an error. */
export function toWireStatus(error: TaskgateError): WireStatus {
  return STATUS_BY_ERROR.get(error.constructor) ?? INTERNAL;
}
