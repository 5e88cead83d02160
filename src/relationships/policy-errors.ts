import { status } from '@grpc/grpc-js';
import { grpcStatusOf } from './spicedb-errors.ts';
import type { GrpcStatus } from './spicedb-errors.ts';

const FAILED_PRECONDITION: number = status.FAILED_PRECONDITION;
const INVALID_ARGUMENT: number = status.INVALID_ARGUMENT;
/** What SpiceDB says of a name that its schema does not hold. */
const UNKNOWN_NAME = /^(?:object definition|relation\/permission) `[^`]*` not found/;
/** What it says of a condition that can't be evaluated with the context of the request. */
const UNEVALUABLE = /^(?:evaluation error for caveat|type error for parameters for caveat) /;

/** True if a definition, a permission or a relation that was named is none. */
export function isUnknownName({ code, details }: GrpcStatus): boolean {
  return code === FAILED_PRECONDITION && UNKNOWN_NAME.test(details);
}

/** True if what was sent is not what a condition takes. */
export function isUnevaluable({ code, details }: GrpcStatus): boolean {
  return code === INVALID_ARGUMENT && UNEVALUABLE.test(details);
}

/** The same of what a call threw. */
export function isThrown(thrown: unknown, is: (answered: GrpcStatus) => boolean): boolean {
  const answered = grpcStatusOf(thrown);
  return answered !== undefined && is(answered);
}
