import type { CallContext } from '../../authorize/ports.ts';
import { FailedPreconditionError, InvalidArgumentError, NotFoundError } from '../../domain/errors.ts';
import type { Operation } from '../../domain/operation.ts';
import type { Principal } from '../../domain/principal.ts';
import type { ResourceRef } from '../../domain/resource.ts';
import type { Role } from '../../domain/role.ts';
import type { ChangeRole, RoleSubject } from '../../lifecycle/change-role.ts';
import type { DeregisterResource } from '../../lifecycle/deregister-resource.ts';
import type { RegisterResource } from '../../lifecycle/register-resource.ts';

/** The contract names one principal: it gives itself a role, or takes its own. */
export interface OwnRoleChange {
  readonly principal: Principal;
  readonly resource: ResourceRef;
  readonly operation: Operation;
  /** The least role that may do the operation. */
  readonly role: Role;
}

/**
 * Gives a role or takes it. Doing it again changes nothing.
 *
 * @throws InvalidArgumentError naming the field.
 * @throws NotFoundError if the resource is absent, or the principal may not share it.
 * @throws AlreadyExistsError if it would have to be registered, and is somebody else's.
 * @throws TaskgateError when it is not known whether it was written; do it again.
 */
export type ChangeOwnRole = (change: OwnRoleChange, context: CallContext) => Promise<void>;

export interface GrantOwnRoleDeps {
  readonly grantRole: ChangeRole;
  readonly registerResource: RegisterResource;
}

/**
 * Who may share a resource can give itself any role on it, so nobody gains what somebody else has not given. `create` of
 * what is not registered registers it: AgentEx says so of what it has just created, after `register` or instead of it.
 */
export function createGrantOwnRole({ grantRole, registerResource }: GrantOwnRoleDeps): ChangeOwnRole {
  return async ({ principal, resource, operation, role }, context) => {
    try {
      await grantRole({ principal, resource, role, subject: toSubject(principal) }, context);
    } catch (error) {
      if (operation !== 'create' || !(error instanceof NotFoundError)) throw error;
      await registerResource({ principal, resource, parent: undefined }, context);
    }
  };
}

export interface RevokeOwnRoleDeps {
  readonly revokeRole: ChangeRole;
  readonly deregisterResource: DeregisterResource;
}

/**
 * An owner that takes itself away leaves the others their roles. After the last one nobody could share the resource any
 * more or take anything back, so it is deregistered: AgentEx revokes of what it deletes.
 */
export function createRevokeOwnRole({ revokeRole, deregisterResource }: RevokeOwnRoleDeps): ChangeOwnRole {
  return async ({ principal, resource, role }, context) => {
    try {
      await revokeRole({ principal, resource, role, subject: toSubject(principal) }, context);
    } catch (error) {
      if (!(error instanceof FailedPreconditionError)) throw error;
      await deregisterResource({ principal, resource }, context);
    }
  };
}

function toSubject({ kind, id }: Principal): RoleSubject {
  if (kind === 'agent')
    throw new InvalidArgumentError('principal', 'must be a user or a service account to hold a role');
  return { kind, id };
}
