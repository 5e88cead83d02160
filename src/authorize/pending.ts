import type { Evidence } from '../domain/decision.ts';
import type { CheckPlan } from './plan-check.ts';
import type { ParentKey, RelationshipObject } from './ports.ts';

/** One check on its way: its plan, and the object that it is about. */
export interface Pending {
  readonly index: number;
  readonly plan: CheckPlan;
  readonly object: RelationshipObject;
  /** What was looked up; undefined where the request names the object itself. */
  readonly askedAs: string | undefined;
  /** Where the object was found. */
  readonly foundIn: Evidence['parent'];
}

/** True if the object of the plan has to be looked up. */
export function isLookedUp(plan: CheckPlan): plan is LookedUpPlan {
  return plan.kind === 'object' && plan.source.kind === 'lookup';
}

type LookedUpPlan = CheckPlan & { readonly kind: 'object'; readonly source: { readonly kind: 'lookup' } };

/** Injective for one parent type: neither a type nor `by` has a colon. */
export function toAskedAs({ type, by, value }: ParentKey): string {
  return `${type}:${by}:${value}`;
}
