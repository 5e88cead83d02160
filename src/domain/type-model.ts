import type { Operation } from './operation.ts';

/** What an operation on a type asks of the relationships. */
export type CheckRule =
  /** `permission` on the resource itself. */
  | { readonly kind: 'self'; readonly permission: string }
  /** `permission` on the parent of type `parentType`. */
  | { readonly kind: 'parent'; readonly parentType: string; readonly permission: string }
  /** `permission` on the principal's tenant: for creating what has no parent yet. */
  | { readonly kind: 'tenant'; readonly permission: string };

/** A type that the deployment knows, and what each operation on it asks. An operation without a rule is refused. */
export interface ResourceType {
  readonly name: string;
  /** True if the type has a SpiceDB definition and is registered on create; false for a child type. */
  readonly registered: boolean;
  /** True if resources of the type can be referred to by a unique name. */
  readonly named: boolean;
  readonly rules: ReadonlyMap<Operation, CheckRule>;
}

/** The configured types by name. */
export type TypeModel = ReadonlyMap<string, ResourceType>;
