import type {
  CallContext,
  DecideCheck,
  Relationship,
  RelationshipObject,
  RelationshipSubject,
} from '../authorize/ports.ts';
import type { RelationshipPattern, RelationshipReader, RelationshipWriter } from '../authorize/ports-lifecycle.ts';
import { FailedPreconditionError, InvalidArgumentError, NotFoundError, UnavailableError } from '../domain/errors.ts';
import type { Principal, PrincipalKind } from '../domain/principal.ts';
import type { Registration } from '../domain/registration.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { Role } from '../domain/role.ts';
import { requirePermission } from './require-permission.ts';
import type { LifecycleModel } from './require-registration.ts';
import { requireRegistration } from './require-registration.ts';

export interface RoleChange {
  /** Who gives or takes the role: it needs the operation `share` on the resource. */
  readonly principal: Principal;
  readonly resource: ResourceRef;
  readonly role: Role;
  readonly subject: RoleSubject;
}

/** Who gets a role or loses it. */
export interface RoleSubject {
  readonly kind: Exclude<PrincipalKind, 'agent'>;
  readonly id: string;
}

/**
 * Gives a role or takes it. Doing it again changes nothing.
 *
 * @returns a revision (ZedToken) at which it is so.
 * @throws InvalidArgumentError naming the field.
 * @throws NotFoundError if the resource is absent, or the principal may not share it.
 * @throws FailedPreconditionError if the last owner would go.
 * @throws TaskgateError when it is not known whether it was written; do it again.
 */
export type ChangeRole = (change: RoleChange, context: CallContext) => Promise<string>;

export interface RoleDeps {
  readonly decideCheck: DecideCheck;
  readonly writer: RelationshipWriter;
  readonly reader: RelationshipReader;
}

/** Another change of the owners between the read and the write sends it back to the read: a few times at most. */
const MAX_ATTEMPTS = 5;

export function createGrantRole(deps: RoleDeps, model: LifecycleModel): ChangeRole {
  return async (change, context) => {
    const { given, tie } = await prepare(deps.decideCheck, change, model, context);
    // A resource that is being deregistered has lost its tie: a role on it would outlive it.
    const result = await deps.writer.write({ touch: [given], ifAny: [tie] }, context);
    if (result.kind === 'refused') throw new NotFoundError();
    return result.writtenAt;
  };
}

export function createRevokeRole(deps: RoleDeps, model: LifecycleModel): ChangeRole {
  return async (change, context) => {
    const { given, tie } = await prepare(deps.decideCheck, change, model, context);
    if (change.role === 'owner') return revokeOwner(deps, given, tie, context);
    const result = await deps.writer.write({ remove: [given], ifAny: [tie] }, context);
    if (result.kind === 'refused') throw new NotFoundError();
    return result.writtenAt;
  };
}

/** Takes an owner away only while another is there, which SpiceDB makes sure of in the same write. */
async function revokeOwner(
  { writer, reader }: RoleDeps,
  given: Relationship,
  tie: RelationshipPattern,
  context: CallContext,
): Promise<string> {
  const { object, relation, subject } = given;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { relationships, readAt } = await reader.confirm({ object, relation }, context);
    if (readAt === undefined) throw new NotFoundError();
    const owners = relationships.map(({ subject: owner }) => owner);
    const isRevoked = (owner: { readonly type: string; readonly id: string | undefined }): boolean =>
      subject.kind === 'principal' && owner.type === subject.principalKind && owner.id === subject.id;
    if (!owners.some(isRevoked)) return readAt;
    const other = owners.find((owner) => !isRevoked(owner));
    if (other?.id === undefined) throw new FailedPreconditionError('role: the last owner can not be removed');
    const remaining: RelationshipPattern = {
      object,
      relation,
      subject: { kind: 'object', object: { kind: 'resource', type: other.type, id: other.id } },
    };
    const result = await writer.write({ remove: [given], ifAny: [tie, remaining] }, context);
    if (result.kind === 'written') return result.writtenAt;
  }
  throw new UnavailableError('spicedb', { cause: 'the owners keep changing' });
}

/** What is to be written, for a principal that may. */
async function prepare(
  decideCheck: DecideCheck,
  { principal, resource, role, subject }: RoleChange,
  model: LifecycleModel,
  context: CallContext,
): Promise<{ readonly given: Relationship; readonly tie: RelationshipPattern }> {
  const registration = requireRegistration(resource, model);
  const relation = requireRole(registration, role);
  const asked = { principal, resource, operation: 'share', field: 'resource' } as const;
  const id = await requirePermission(decideCheck, asked, context);
  const object: RelationshipObject = { kind: 'resource', type: registration.type, id };
  const tenant: RelationshipSubject = { kind: 'object', object: { kind: 'tenant', account: principal.account } };
  return {
    given: { object, relation, subject: { kind: 'principal', principalKind: subject.kind, id: subject.id } },
    tie: { object, relation: registration.tenantRelation, subject: tenant },
  };
}

/** The relation that gives the role. @throws InvalidArgumentError if the type has no such role. */
export function requireRole({ type, roles }: Registration, role: Role): string {
  const relation = roles.get(role);
  if (relation !== undefined) return relation;
  throw new InvalidArgumentError('role', `${role} is not a role of ${type}; there are ${[...roles.keys()].join(', ')}`);
}
