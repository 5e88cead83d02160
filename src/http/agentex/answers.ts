import type { SignedPrincipal } from '../../authorize/ports-principals.ts';
import {
  AlreadyExistsError,
  CallerPermissionError,
  DeadlineExceededError,
  ForbiddenError,
  NotFoundError,
  OverloadedError,
  UnauthenticatedError,
} from '../../domain/errors.ts';
import type { TaskgateError } from '../../domain/errors.ts';
import type { HttpAnswer } from '../endpoint.ts';
import { toJsonAnswer } from '../endpoint.ts';

/** What the contract can be answered with. Could-not-tell is thrown. */
export type AgentexAnswer =
  | { readonly kind: 'done' }
  /** Denied or absent: one answer. */
  | { readonly kind: 'denied' }
  /** The principal is not proved. */
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'principal'; readonly principal: SignedPrincipal }
  | { readonly kind: 'items'; readonly items: readonly string[] }
  /** All there are. */
  | { readonly kind: 'unscoped' };

/** The status says it; the words are for whoever reads a log. */
const DONE = toJsonAnswer(200, { success: true });
const DENIED = toJsonAnswer(403, { message: 'denied' });
const UNAUTHENTICATED = toJsonAnswer(401, { message: 'unauthenticated' });
const UNSCOPED = toJsonAnswer(200, { unscoped: true });

/** How AgentEx is told that it is the caller itself, and not its user, who may not ask. */
const CALLER_ERROR_HEADER = 'x-service-account-auth-error';

export function toAnswer(answer: AgentexAnswer): HttpAnswer {
  switch (answer.kind) {
    case 'done':
      return DONE;
    case 'denied':
      return DENIED;
    case 'unauthenticated':
      return UNAUTHENTICATED;
    case 'principal':
      return toJsonAnswer(200, answer.principal);
    case 'items':
      return toJsonAnswer(200, { items: answer.items, success: true });
    case 'unscoped':
      return UNSCOPED;
    default:
      return answer satisfies never;
  }
}

/**
 * The contract's status of an error. 401 and 403 speak of the principal alone: a caller that may not ask is a fault between
 * two programs (502), as is everything that says "later" (503).
 *
 * @param status of the one table, for everything that the contract calls unexpected.
 */
export function toErrorAnswer(error: TaskgateError, status: number): HttpAnswer {
  if (error instanceof UnauthenticatedError) return toCallerRefusal(error, 'unauthenticated');
  if (error instanceof CallerPermissionError) return toCallerRefusal(error, 'forbidden');
  // What is taken already is denied like what may not be used: it is somebody else's.
  const isDenied =
    error instanceof NotFoundError || error instanceof ForbiddenError || error instanceof AlreadyExistsError;
  if (isDenied) return DENIED;
  const isLater = error instanceof DeadlineExceededError || error instanceof OverloadedError;
  return toJsonAnswer(isLater ? 503 : status, { message: error.message });
}

function toCallerRefusal({ message }: TaskgateError, why: 'unauthenticated' | 'forbidden'): HttpAnswer {
  return toJsonAnswer(502, { message }, { [CALLER_ERROR_HEADER]: why });
}
