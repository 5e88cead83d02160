import type { CallContext, RelationshipObject } from '../authorize/ports.ts';
import type { RelationshipPattern, RelationshipWriter } from '../authorize/ports-lifecycle.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { Registration } from '../domain/registration.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { LifecycleModel } from './require-registration.ts';
import { requireId, requireRegistration } from './require-registration.ts';

export interface DeregisterRequest {
  /** In whose account the resource is registered. */
  readonly principal: Principal;
  readonly resource: ResourceRef;
}

/**
 * Removes every relationship of a resource, as object and as subject. One that is not registered in the principal's
 * account is success: nobody learns whether it is in another.
 *
 * @returns a revision (ZedToken) at which it is not registered there.
 * @throws InvalidArgumentError naming the field.
 * @throws TaskgateError when it is not known whether all was removed; do it again.
 */
export type DeregisterResource = (request: DeregisterRequest, context: CallContext) => Promise<string>;

export function createDeregisterResource(
  { writer }: { readonly writer: RelationshipWriter },
  model: LifecycleModel,
): DeregisterResource {
  return async ({ principal, resource }, context) => {
    const registration = requireRegistration(resource, model);
    const id = requireId(resource, 'resource');
    return deregister(writer, { registration, id, account: principal.account }, context);
  };
}

/**
 * Removes a resource from the account, or, without one, from whatever account it is in: for a resource that is gone.
 *
 * The tie to the tenant goes first: every permission needs it, so from that write on nothing is allowed, whatever is
 * still to be removed. Each later write is refused while there is a tie: then the resource is another account's, or has
 * been registered anew, and is none of this call's business.
 *
 * @returns the revision of the last write.
 * @throws TaskgateError when it is not known whether all was removed; do it again.
 */
export async function deregister(
  writer: RelationshipWriter,
  {
    registration,
    id,
    account,
  }: { readonly registration: Registration; readonly id: string; readonly account: string | undefined },
  context: CallContext,
): Promise<string> {
  const object: RelationshipObject = { kind: 'resource', type: registration.type, id };
  const tie: RelationshipPattern = { object, relation: registration.tenantRelation };
  const owned: RelationshipPattern =
    account === undefined ? tie : { ...tie, subject: { kind: 'object', object: { kind: 'tenant', account } } };
  const tombstone = await writer.removeAll(owned, {}, context);
  if (tombstone.kind === 'refused') throw new UnavailableError('spicedb', { cause: 'refused without a condition' });
  let { writtenAt } = tombstone;
  for (const pattern of [{ object }, { subject: { kind: 'object', object } }] satisfies RelationshipPattern[]) {
    const removed = await writer.removeAll(pattern, { ifNone: [tie] }, context);
    if (removed.kind === 'refused') return writtenAt;
    writtenAt = removed.writtenAt;
  }
  return writtenAt;
}
