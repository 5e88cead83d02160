import type { Consistency } from '../domain/consistency.ts';
import type { JsonObject } from '../domain/json-value.ts';
import type { CallContext, HeldList, RelationshipObject, RelationshipResult } from './ports.ts';

/** Who a permission is asked for, by the SpiceDB definition: any, not the kinds of principal alone. */
export interface PolicySubject {
  readonly type: string;
  readonly id: string;
}

/** What caveats are told. */
export type PolicyContext = JsonObject;

/** One question about any definition of the schema. */
export interface PolicyCheck {
  readonly object: RelationshipObject;
  readonly permission: string;
  readonly subject: PolicySubject;
  readonly context: PolicyContext;
}

/** The least fresh revision that will do, or the one of an earlier page. */
export interface PolicyRevision {
  readonly consistency: Consistency;
  readonly snapshot: string | undefined;
}

/** Who holds a permission. */
export interface HeldBy extends HeldList {
  /** True if everybody of the type holds it, or all but some: they are not among the ids. */
  readonly everyone: boolean;
}

/**
 * The whole schema of the relationship engine, whatever types the deployment has configured. A name that the schema does not
 * hold is held by nobody. A condition that what was sent does not meet, or that can't be evaluated with it, is not held.
 */
export interface Policy {
  /**
   * As many results as checks, in their order, all at one revision. A check that can't be written is `failed` with an
   * InvalidArgumentError; its field is `context` if that is too large.
   *
   * @throws TaskgateError when nothing could be told.
   */
  check(
    checks: readonly PolicyCheck[],
    consistency: Consistency,
    context: CallContext,
  ): Promise<readonly RelationshipResult[]>;
  /**
   * The ids of all objects of a type on which the subject holds the permission.
   *
   * @throws FailedPreconditionError if the snapshot is gone.
   * @throws InvalidArgumentError if the context is too large, or is not what a condition takes.
   * @throws TaskgateError when the list could not be told whole.
   */
  listObjects(
    question: Omit<PolicyCheck, 'object'> & { readonly objectType: string },
    at: PolicyRevision,
    context: CallContext,
  ): Promise<HeldList>;
  /** The ids of all subjects of a type that hold the permission. Throws as `listObjects` does. */
  listSubjects(
    question: Omit<PolicyCheck, 'subject'> & { readonly subjectType: string },
    at: PolicyRevision,
    context: CallContext,
  ): Promise<HeldBy>;
}
