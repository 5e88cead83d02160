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

/** One status in the words of each transport. The numbers of gRPC and Connect are the same; the types are not. */
export interface WireStatus {
  readonly grpc: status;
  readonly connect: Code;
  /** Where a door has no words of its own for it. */
  readonly http: number;
}

const INTERNAL: WireStatus = { grpc: status.INTERNAL, connect: Code.Internal, http: 500 };

/** The one table from errors to status codes, for every transport. */
const STATUS_BY_ERROR: ReadonlyMap<unknown, WireStatus> = new Map<unknown, WireStatus>([
  [CancelledError, { grpc: status.CANCELLED, connect: Code.Canceled, http: 499 }],
  [InvalidArgumentError, { grpc: status.INVALID_ARGUMENT, connect: Code.InvalidArgument, http: 400 }],
  [DeadlineExceededError, { grpc: status.DEADLINE_EXCEEDED, connect: Code.DeadlineExceeded, http: 504 }],
  [FailedPreconditionError, { grpc: status.FAILED_PRECONDITION, connect: Code.FailedPrecondition, http: 400 }],
  [NotFoundError, { grpc: status.NOT_FOUND, connect: Code.NotFound, http: 404 }],
  [UnauthenticatedError, { grpc: status.UNAUTHENTICATED, connect: Code.Unauthenticated, http: 401 }],
  [CallerPermissionError, { grpc: status.PERMISSION_DENIED, connect: Code.PermissionDenied, http: 403 }],
  [ForbiddenError, { grpc: status.PERMISSION_DENIED, connect: Code.PermissionDenied, http: 403 }],
  [AlreadyExistsError, { grpc: status.ALREADY_EXISTS, connect: Code.AlreadyExists, http: 409 }],
  [OverloadedError, { grpc: status.RESOURCE_EXHAUSTED, connect: Code.ResourceExhausted, http: 429 }],
  [InternalError, INTERNAL],
  [UnavailableError, { grpc: status.UNAVAILABLE, connect: Code.Unavailable, http: 503 }],
]);

/** The status that a caller gets for an error. */
export function toWireStatus(error: TaskgateError): WireStatus {
  return STATUS_BY_ERROR.get(error.constructor) ?? INTERNAL;
}
