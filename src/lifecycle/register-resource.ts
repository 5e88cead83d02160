import type { CallContext, DecideCheck, Relationship, RelationshipObject } from '../authorize/ports.ts';
import type { RelationshipReader, RelationshipWriter, StoredRelationship } from '../authorize/ports-lifecycle.ts';
import { AlreadyExistsError, InvalidArgumentError, UnavailableError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { Registration } from '../domain/registration.ts';
import type { ResourceRef } from '../domain/resource.ts';
import { requirePermission } from './require-permission.ts';
import type { LifecycleModel } from './require-registration.ts';
import { requireId, requireRegistration } from './require-registration.ts';
import type { TenantGates } from './tenant-gates.ts';

export interface RegisterRequest {
  /** Becomes the owner, and its account the resource's. */
  readonly principal: Principal;
  readonly resource: ResourceRef;
  readonly parent: ResourceRef | undefined;
}

/**
 * Writes owner, tenant and parent of a resource, all or nothing. Doing it again changes nothing; one that is registered
 * otherwise is never taken over. What is decided about the parent is decided before anything about the resource is.
 *
 * @returns a revision (ZedToken) at which it is registered.
 * @throws InvalidArgumentError naming the field.
 * @throws NotFoundError if the parent is absent, or the principal may not use it.
 * @throws AlreadyExistsError if it is registered with another owner, account or parent.
 * @throws TaskgateError when it is not known whether it was written; do it again.
 */
export type RegisterResource = (request: RegisterRequest, context: CallContext) => Promise<string>;

export interface RegisterDeps {
  readonly decideCheck: DecideCheck;
  readonly writer: RelationshipWriter;
  readonly reader: RelationshipReader;
  readonly tenantGates: TenantGates;
}

/** What has been registered before the write, and is gone before it is read, is being deregistered: a few times at most. */
const MAX_ATTEMPTS = 3;

export function createRegisterResource(deps: RegisterDeps, model: LifecycleModel): RegisterResource {
  return async ({ principal, resource, parent }, context) => {
    const registration = requireRegistration(resource, model);
    const id = requireId(resource, 'resource');
    const parentId =
      parent === undefined
        ? undefined
        : await requireParent(deps.decideCheck, registration, { principal, id, parent }, context);
    return register(deps, { registration, id, owner: principal, parentId }, context);
  };
}

/** What is to be registered, all of it known. */
export interface NewRegistration {
  readonly registration: Registration;
  readonly id: string;
  readonly owner: Principal;
  readonly parentId: string | undefined;
}

/** Registers what needs no asking. Result and errors as of `RegisterResource`, without those about the parent. */
export async function register(
  { writer, reader, tenantGates }: Omit<RegisterDeps, 'decideCheck'>,
  wanted: NewRegistration,
  context: CallContext,
): Promise<string> {
  const { registration, id, owner } = wanted;
  const object: RelationshipObject = { kind: 'resource', type: registration.type, id };
  const create = toRelationships(wanted, object);
  const touch = await tenantGates.missing(owner.account, context);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const result = await writer.write({ create, touch, ifNone: [{ object }] }, context);
    if (result.kind === 'written') {
      tenantGates.opened(owner.account);
      return result.writtenAt;
    }
    const { relationships, readAt } = await reader.confirm({ object }, context);
    if (readAt === undefined) continue;
    if (isSame(relationships, wanted)) return readAt;
    throw new AlreadyExistsError();
  }
  throw new UnavailableError('spicedb', { cause: 'the resource comes and goes' });
}

async function requireParent(
  decideCheck: DecideCheck,
  { type, parent: expected }: Registration,
  { principal, id, parent }: { readonly principal: Principal; readonly id: string; readonly parent: ResourceRef },
  context: CallContext,
): Promise<string> {
  if (expected === undefined) throw new InvalidArgumentError('parent', `is not configured for ${type}`);
  if (parent.type === type && parent.key.kind === 'id' && parent.key.id === id) {
    throw new InvalidArgumentError('parent', 'must not be the resource itself');
  }
  if (parent.type !== expected.type) throw new InvalidArgumentError('parent.type', `must be ${expected.type}`);
  const asked = { principal, resource: parent, operation: expected.operation, field: 'parent' };
  return requirePermission(decideCheck, asked, context);
}

function toRelationships(
  { registration, owner, parentId }: NewRegistration,
  object: RelationshipObject,
): readonly Relationship[] {
  const { ownerRelation, tenantRelation, parent } = registration;
  const relationships: Relationship[] = [
    { object, relation: ownerRelation, subject: { kind: 'principal', principalKind: owner.kind, id: owner.id } },
    {
      object,
      relation: tenantRelation,
      subject: { kind: 'object', object: { kind: 'tenant', account: owner.account } },
    },
  ];
  if (parent !== undefined && parentId !== undefined) {
    const subject: RelationshipObject = { kind: 'resource', type: parent.type, id: parentId };
    relationships.push({ object, relation: parent.relation, subject: { kind: 'object', object: subject } });
  }
  return relationships;
}

/** Whoever has been given a role since changes nothing about it: only owner, tenant and parent count. */
function isSame(stored: readonly StoredRelationship[], { registration, owner, parentId }: NewRegistration): boolean {
  const { ownerRelation, tenantRelation, parent } = registration;
  const subjectsOf = (relation: string | undefined) =>
    stored.filter((relationship) => relationship.relation === relation).map(({ subject }) => subject);
  const owners = subjectsOf(ownerRelation);
  const tenants = subjectsOf(tenantRelation);
  const parents = subjectsOf(parent?.relation);
  return (
    owners.some(({ type, id }) => type === owner.kind && id === owner.id) &&
    tenants.length === 1 &&
    tenants[0]?.id === owner.account &&
    parents.length === (parentId === undefined ? 0 : 1) &&
    (parentId === undefined || parents[0]?.id === parentId)
  );
}
