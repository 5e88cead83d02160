import type { RolloutGates, RolloutObserver } from '../authorize/ports-rollout.ts';
import { NotFoundError } from '../domain/errors.ts';
import type { ChangeRole } from './change-role.ts';
import { requireRole } from './change-role.ts';
import type { DeregisterResource } from './deregister-resource.ts';
import type { RegisterResource } from './register-resource.ts';
import type { LifecycleModel } from './require-registration.ts';
import { requireId, requireRegistration } from './require-registration.ts';

/** The use cases that write. */
export interface Writes {
  readonly registerResource: RegisterResource;
  readonly deregisterResource: DeregisterResource;
  readonly grantRole: ChangeRole;
  readonly revokeRole: ChangeRole;
}

/** The revision of what was not written. */
const NOT_WRITTEN = '';

/**
 * Where dual-write is off, a write is answered as done, with no revision, and nothing is asked or written: `reconcile`
 * repairs it later, roles excepted. What is wrong with a request is wrong in every account.
 *
 * Where it is on, everything is written on the same conditions whatever the enforcement, since it outlives the rollout.
 * But a parent that may not be used keeps nobody from creating while the account is not enforced: the legacy rule has let
 * it pass, so the registration is left to `reconcile`.
 */
export function gateWrites(
  writes: Writes,
  { gates, observer }: { readonly gates: RolloutGates; readonly observer: RolloutObserver },
  model: LifecycleModel,
): Writes {
  const changeRole =
    (inner: ChangeRole): ChangeRole =>
    async (change, context) => {
      const { resource, principal, role } = change;
      const registration = requireRegistration(resource, model);
      requireRole(registration, role);
      if ((await gates.dualWrite(registration.type, principal)) === 'on') return inner(change, context);
      observer.writeSkipped(registration.type, 'dual_write_off');
      return NOT_WRITTEN;
    };
  return {
    async registerResource(request, context) {
      const { resource, principal } = request;
      const { type } = requireRegistration(resource, model);
      requireId(resource, 'resource');
      if ((await gates.dualWrite(type, principal)) === 'off') {
        observer.writeSkipped(type, 'dual_write_off');
        return NOT_WRITTEN;
      }
      try {
        return await writes.registerResource(request, context);
      } catch (error) {
        if (!(error instanceof NotFoundError) || (await gates.enforcement(type, principal)) === 'enforce') throw error;
        observer.writeSkipped(type, 'refused');
        return NOT_WRITTEN;
      }
    },
    async deregisterResource(request, context) {
      const { resource, principal } = request;
      const { type } = requireRegistration(resource, model);
      requireId(resource, 'resource');
      if ((await gates.dualWrite(type, principal)) === 'on') return writes.deregisterResource(request, context);
      observer.writeSkipped(type, 'dual_write_off');
      return NOT_WRITTEN;
    },
    grantRole: changeRole(writes.grantRole),
    revokeRole: changeRole(writes.revokeRole),
  };
}
