import type { TaskgateError } from './errors.ts';
import type { Difference, Enforcement, LegacyAnswer } from './rollout.ts';

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

/**
 * Why a decision is what it is; for logs and counters only. The last three asked nobody: `legacy` is the answer that came
 * with the request, `unenforced` the one that is configured in its place, `bypassed` that of a trusted principal.
 */
export type Reason = 'held' | 'denied' | 'absent' | 'created' | 'legacy' | 'unenforced' | 'bypassed';

/** What a decision rests on; for logs, counters and operators only, since it tells what was in memory. */
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
      /** Absent where what was decided is what is answered. */
      readonly rollout?: RolloutNote;
      /** Absent where nobody was asked. */
      readonly evidence?: Evidence | undefined;
    }
  | { readonly kind: 'failed'; readonly error: TaskgateError };

/** What the rollout did to an answer, for logs and counters only. */
export interface RolloutNote {
  readonly enforcement: Enforcement;
  /** What the application's own rule says, if it came with the request. */
  readonly legacy: LegacyAnswer | undefined;
  /** What was decided beside the answer. It may come later, and never rejects. */
  readonly shadow: ShadowResult | Promise<ShadowResult> | undefined;
}

/** What came of a decision that nobody was told. */
export type ShadowResult =
  | { readonly kind: 'compared'; readonly outcome: Outcome; readonly difference: Difference }
  /** There was too much else to do. */
  | { readonly kind: 'dropped' };

export type DecisionKind = Decision['kind'];

export const NOT_FOUND: Decision = { kind: 'NOT_FOUND' };
export const FORBIDDEN: Decision = { kind: 'FORBIDDEN' };
