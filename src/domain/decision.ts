import type { TaskgateError } from './errors.ts';

/**
 * What was decided. "Could not tell" is not here: it is an error (see `errors.ts`).
 *
 * `NOT_FOUND` carries nothing, so that an absent resource and a denied one can't differ.
 */
export type Decision =
  | {
      readonly kind: 'ALLOWED';
      /** The object that was checked, if one that exists was. */
      readonly object: { readonly type: string; readonly id: string } | undefined;
      /** The revision (ZedToken) that the answer was read at. */
      readonly checkedAt: string;
    }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'FORBIDDEN' };

/** Why a decision is what it is; for logs and counters only. */
export type Reason = 'held' | 'denied' | 'absent' | 'created';

/** What a decision rests on; for logs and counters only, since it tells what was in memory. */
export interface Evidence {
  /** Where the parent was found, or its absence; `none`: nothing had to be looked up. */
  readonly parent: 'none' | 'memory' | 'redis' | 'database';
  /** `cache`: every answer was known already. */
  readonly relationships: 'cache' | 'spicedb';
  /** The revision (ZedToken) that the relationships were read at; empty if it is not known any more. */
  readonly checkedAt: string;
}

/** A decision, or the error that kept it from being made. */
export type Outcome =
  | {
      readonly kind: 'decided';
      readonly decision: Decision;
      readonly reason: Reason;
      readonly evidence?: Evidence | undefined;
    }
  | { readonly kind: 'failed'; readonly error: TaskgateError };

export type DecisionKind = Decision['kind'];

export const NOT_FOUND: Decision = { kind: 'NOT_FOUND' };
export const FORBIDDEN: Decision = { kind: 'FORBIDDEN' };
