import type { RolloutGates, RolloutObserver } from '../../authorize/ports-rollout.ts';
import { AlreadyExistsError, NotFoundError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/principal.ts';
import type { ResourceRef } from '../../domain/resource.ts';
import type { RegisterResource } from '../../lifecycle/register-resource.ts';
import type { ChangeOwnRole } from './change-own-role.ts';

/** The writes of the contract that can be refused. */
export interface RefusableWrites {
  readonly registerResource: RegisterResource;
  readonly grantOwnRole: ChangeOwnRole;
  readonly revokeOwnRole: ChangeOwnRole;
}

/** The revision of what was not written. */
const NOT_WRITTEN = '';

/**
 * AgentEx fails the request of its user when a write is refused. Where the account is not enforced nothing may be refused to
 * anybody: what may not be written is left out, and counted. A fault stays a fault.
 */
export function letPassUnenforced(
  { registerResource, grantOwnRole, revokeOwnRole }: RefusableWrites,
  { gates, observer }: { readonly gates: RolloutGates; readonly observer: RolloutObserver },
): RefusableWrites {
  const unlessRefused = async <Written>(
    { principal, resource: { type } }: { readonly principal: Principal; readonly resource: ResourceRef },
    write: () => Promise<Written>,
    leftOut: Written,
  ): Promise<Written> => {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof NotFoundError) && !(error instanceof AlreadyExistsError)) throw error;
      if ((await gates.enforcement(type, principal)) === 'enforce') throw error;
      observer.writeSkipped(type, 'refused');
      return leftOut;
    }
  };
  return {
    registerResource: async (request, context) =>
      unlessRefused(request, async () => registerResource(request, context), NOT_WRITTEN),
    grantOwnRole: async (change, context) =>
      unlessRefused(change, async () => grantOwnRole(change, context), undefined),
    revokeOwnRole: async (change, context) =>
      unlessRefused(change, async () => revokeOwnRole(change, context), undefined),
  };
}
