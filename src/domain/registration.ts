import type { Operation } from './operation.ts';
import type { Role } from './role.ts';

/** What registering a resource of a type writes, and which roles can be given on it. */
export interface Registration {
  readonly type: string;
  /** The relation to the tenant. Every permission must need it: without it a resource is closed to everyone. */
  readonly tenantRelation: string;
  readonly ownerRelation: string;
  /** Absent for a type that hangs off nothing. */
  readonly parent?: {
    readonly relation: string;
    readonly type: string;
    /** What the principal must be allowed to do on the parent to register below it. */
    readonly operation: Operation;
  };
  /** Role → relation. A role that is not there can't be given. */
  readonly roles: ReadonlyMap<Role, string>;
}
