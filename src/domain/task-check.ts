import type { Consistency } from './consistency.ts';
import type { Operation } from './operation.ts';
import type { ResourceRef } from './resource.ts';
import type { LegacyAnswer } from './rollout.ts';

/** One question as the caller put it: may the principal do `operation` on `resource`? */
export interface TaskCheck {
  readonly resource: ResourceRef;
  readonly operation: Operation;
  /** The least consistency that the caller wants; the deployment's own may be stronger. */
  readonly consistency: Consistency;
  /** A name that resolves is checked for `operation`, one that does not is checked for `create`. */
  readonly createIfAbsent: boolean;
  /** The parent that a new child will hang off; for `create` on a child type that has no id yet. */
  readonly parent?: ResourceRef;
  /** What the application's own rule says; for accounts that are not enforced yet. */
  readonly legacy?: LegacyAnswer;
}
