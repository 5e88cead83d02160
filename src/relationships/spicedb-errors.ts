import { status } from '@grpc/grpc-js';
import type { Consistency } from '../domain/consistency.ts';
import {
  CancelledError,
  DeadlineExceededError,
  InvalidArgumentError,
  OverloadedError,
  TaskgateError,
  UnavailableError,
} from '../domain/errors.ts';

/** What a gRPC error says. `details` is the server's text: for deciding and for the log, never for the caller. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
}

/** The gRPC status of what a call threw, or of the cause that it was mapped from. */
export function grpcStatusOf(thrown: unknown): GrpcStatus | undefined {
  if (thrown instanceof TaskgateError) return grpcStatusOf(thrown.cause);
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'number') return undefined;
  return {
    code: thrown.code,
    details: 'details' in thrown && typeof thrown.details === 'string' ? thrown.details : '',
  };
}

/** Why `signal` aborted. */
export function abortReason(signal: AbortSignal): TaskgateError {
  const reason: unknown = signal.reason;
  return reason instanceof TaskgateError ? reason : new CancelledError({ cause: reason });
}

/** Maps what a call threw. The text of the driver and of the server stays in the cause. */
export function toSpiceDbError(thrown: unknown, signal: AbortSignal): TaskgateError {
  if (thrown instanceof TaskgateError) return thrown;
  if (signal.aborted) return abortReason(signal);
  const code = grpcStatusOf(thrown)?.code;
  if (code === status.DEADLINE_EXCEEDED) return new DeadlineExceededError({ cause: thrown });
  if (code === status.RESOURCE_EXHAUSTED) return new OverloadedError({ cause: thrown });
  return new UnavailableError('spicedb', { cause: thrown });
}

/**
 * Says that the caller's token is wrong if that is what SpiceDB refused; any other error stays. Everything else in a
 * request is ours, so an INVALID_ARGUMENT that is not about the revision is not the caller's fault.
 */
export function blameToken(error: TaskgateError, consistency: Consistency): TaskgateError {
  const answered = grpcStatusOf(error);
  const refused = answered?.code === status.INVALID_ARGUMENT && /revision|zedtoken/i.test(answered.details);
  if (!refused || consistency.kind !== 'at_least_as_fresh') return error;
  return new InvalidArgumentError('consistency.at_least_as_fresh', 'is not a token of this deployment', {
    cause: error.cause,
  });
}

/** SpiceDB said something that can't be understood: neither an allow nor a denial. */
export function malformedAnswer(what: string, cause?: unknown): UnavailableError {
  const problem = `SpiceDB's answer is malformed: ${what}`;
  return new UnavailableError('spicedb', { cause: cause === undefined ? problem : new Error(problem, { cause }) });
}
