import type { Consistency } from '../domain/consistency.ts';
import type { DecisionKind } from '../domain/decision.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { CachedCheck, ParentStep, Permissionship, RecentDecision, Snapshot, TraceNode } from './ports-explain.ts';

/** A question, its decision, and all that it rests on. Openly: for operators only. */
export interface Explanation {
  readonly principal: Principal;
  readonly check: TaskCheck;
  /** The decision that was replayed. */
  readonly recorded: RecentDecision | undefined;
  readonly plan: {
    readonly objectType: string;
    readonly permission: string;
    readonly consistency: Consistency;
    /** What it was raised to; undefined if nothing raised it. */
    readonly floor: Consistency | Snapshot | undefined;
    /** What bears on the decision and is turned on. */
    readonly flags: readonly string[];
  };
  /** Empty if nothing has to be looked up. */
  readonly parents: readonly UsedParentStep[];
  readonly object: ExplainedObject | FailedObject;
  readonly checks: readonly ExplainedCheck[];
  readonly verdict: Verdict;
}

export type UsedParentStep = ParentStep & {
  /** True for the layer that a decision takes its answer from. */
  readonly isUsed: boolean;
};

/** What a permission is asked on. */
export type ExplainedObject =
  | { readonly kind: 'resource'; readonly type: string; readonly id: string }
  | { readonly kind: 'tenant'; readonly account: string }
  | { readonly kind: 'absent'; readonly type: string };

/** It could not be told which object it is. */
export interface FailedObject {
  readonly kind: 'failed';
  readonly type: string;
  readonly error: TaskgateError;
}

export interface ExplainedCheck {
  readonly purpose: 'permission' | 'read' | 'create';
  readonly permission: string;
  readonly object: ExplainedObject;
  readonly result: Permissionship;
  readonly checkedAt: string;
  readonly trace: TraceNode | undefined;
  readonly cached: CachedCheck | undefined;
  readonly error: TaskgateError | undefined;
}

export interface Verdict {
  readonly outcome: DecisionKind | 'COULD_NOT_TELL';
  /** `held`, `denied`, `absent`, `created`, or the error's class. */
  readonly reason: string;
  /** A sentence. */
  readonly why: string;
}
