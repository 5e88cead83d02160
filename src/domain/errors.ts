import type { CallerPermission } from './caller.ts';

/** The stores behind an answer, and `issuer`: whoever publishes the keys that tokens of principals are verified with. */
export type Dependency = 'spicedb' | 'database' | 'redis' | 'issuer';

/**
 * Everything that is not a decision. One class for each thing that a caller does differently; `calls/error-table.ts` maps
 * them to status codes. Messages are safe to send: what a driver said goes into `cause`, which is logged and never sent.
 */
export abstract class TaskgateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The request is wrong and will stay wrong: fix it. */
export class InvalidArgumentError extends TaskgateError {
  /** The path of the field in the request, such as `resource.id` or `checks[3].operation`. */
  readonly field: string;
  /** What is wrong with it, without its value. */
  readonly problem: string;

  constructor(field: string, problem: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    // Anybody can have many of them made, and where it was thrown takes longer to find out than all else of such a call.
    Error.stackTraceLimit = 0;
    super(`${field}: ${problem}`, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.field = field;
    this.problem = problem;
  }
}

/** The request was fine once, and is not any more: begin anew. */
export class FailedPreconditionError extends TaskgateError {}

/** Why a caller is not known, in a closed set of words: for the log and a counter, never for the caller. */
export type UnauthenticatedReason =
  'no_credentials' | 'malformed_token' | 'unknown_token' | 'unknown_certificate' | 'ambiguous_certificate';

/** Who asks could not be proved. It is the same error for every reason. */
export class UnauthenticatedError extends TaskgateError {
  readonly reason: UnauthenticatedReason;

  constructor(reason: UnauthenticatedReason) {
    super('the caller is not authenticated');
    this.reason = reason;
  }
}

/** The caller is known and may not ask this. Decided before anything of the request is looked at. */
export class CallerPermissionError extends TaskgateError {
  constructor(permission: CallerPermission) {
    super(`the caller lacks the permission ${permission}`);
  }
}

/** The resource is absent, or denied: the two are one answer. It says neither which resource nor why. */
export class NotFoundError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('not found', options);
  }
}

/** Denied, where the deployment says so openly: the principal may read the resource. */
export class ForbiddenError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('forbidden', options);
  }
}

/** It is registered already, with another owner, tenant or parent. Which is not said. */
export class AlreadyExistsError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('already registered with another owner, account or parent', options);
  }
}

/** A store is down or answered something that can't be understood. Try again. */
export class UnavailableError extends TaskgateError {
  readonly dependency: Dependency;

  constructor(dependency: Dependency, options?: ErrorOptions) {
    super(`${dependency} is unavailable: nothing was decided`, options);
    this.dependency = dependency;
  }
}

/** Time ran out before the answer was known. */
export class DeadlineExceededError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('deadline exceeded: nothing was decided', options);
  }
}

/** Too much at once, here or in a store. Slow down, then try again. */
export class OverloadedError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('overloaded: nothing was decided', options);
  }
}

/** The caller is gone, or no longer wants the answer. */
export class CancelledError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('cancelled by the caller', options);
  }
}

/** A defect of ours: the request was fine and no store failed. */
export class InternalError extends TaskgateError {
  constructor(options?: ErrorOptions) {
    super('internal error: nothing was decided', options);
  }
}

/** Turns anything thrown into an error that is safe to send; what was thrown stays as the cause. */
export function toTaskgateError(thrown: unknown): TaskgateError {
  return thrown instanceof TaskgateError ? thrown : new InternalError({ cause: thrown });
}
