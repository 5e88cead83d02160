import type {
  CallContext,
  Relationship,
  RelationshipCheck,
  RelationshipObject,
  Relationships,
} from '../authorize/ports.ts';
import type { RelationshipWriter } from '../authorize/ports-lifecycle.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import { toTenantGate } from './register-account.ts';

export const DEFAULT_SENTINEL_COUNT = 128;

/** What one atomic write may hold. */
const MAX_RELATIONSHIPS_PER_WRITE = 1_000;
const RELATIONSHIPS_PER_SENTINEL = 3;
const SENTINELS_PER_WRITE = Math.floor(MAX_RELATIONSHIPS_PER_WRITE / RELATIONSHIPS_PER_SENTINEL);
const MAX_CHECKS = 10_000;

/** U+FFFD is refused in every id from outside (`identifierProblem`): nobody is this principal or in this account. */
const SENTINEL_NAME = '\uFFFDsentinel';
const SENTINEL_TENANT: RelationshipObject = { kind: 'sentinel', type: 'tenant', index: 0 };

/** What the relationships of a registered type look like. */
export interface SentinelType {
  readonly type: string;
  readonly tenantRelation: string;
  readonly ownerRelation: string;
  /** The relation to a parent, if resources of the type usually have one. */
  readonly parent?: { readonly relation: string; readonly type: string };
}

export interface RegisterSentinelsOptions {
  readonly types: readonly SentinelType[];
  /** Sentinels of each type. Default 128. */
  readonly count?: number;
  /** The relation of a tenant to its members. Default `member`. */
  readonly memberRelation?: string;
}

interface Sentinel {
  readonly type: SentinelType;
  readonly index: number;
}

/**
 * Registers the stand-ins for absent resources, with an owner, a tenant and a parent as real ones have: a check of one
 * walks what a denied check walks. Only those that are missing are written, so doing it again changes nothing.
 *
 * @returns how many sentinels were written.
 * @throws TaskgateError when it is not known whether they are all there; do it again.
 */
export async function registerSentinels(
  {
    relationships,
    writer,
  }: { readonly relationships: Relationships; readonly writer: Pick<RelationshipWriter, 'touch'> },
  { types, count = DEFAULT_SENTINEL_COUNT, memberRelation }: RegisterSentinelsOptions,
  context: CallContext,
): Promise<number> {
  const sentinels = types.flatMap((type) => Array.from({ length: count }, (_, index): Sentinel => ({ type, index })));
  const missing: Sentinel[] = [];
  for (const asked of chunked(sentinels, MAX_CHECKS)) {
    const held = await checkAll(relationships, asked.map(toOwnerCheck), context);
    missing.push(...asked.filter((_, index) => !held[index]));
  }
  if (missing.length === 0) return 0;
  await writer.touch(toTenantGate(SENTINEL_TENANT, SENTINEL_NAME, memberRelation), context);
  for (const written of chunked(missing, SENTINELS_PER_WRITE)) {
    await writer.touch(written.flatMap(toRelationships), context);
  }
  return missing.length;
}

async function checkAll(
  relationships: Relationships,
  checks: readonly RelationshipCheck[],
  context: CallContext,
): Promise<readonly boolean[]> {
  const { results } = await relationships.check(checks, FULLY_CONSISTENT, context);
  if (results.length !== checks.length) throw new UnavailableError('spicedb');
  return results.map((result) => {
    if (result.kind === 'failed') throw result.error;
    return result.kind === 'held';
  });
}

function toOwnerCheck({ type, index }: Sentinel): RelationshipCheck {
  const object: RelationshipObject = { kind: 'sentinel', type: type.type, index };
  return { object, permission: type.ownerRelation, principal: ownerOf(type) };
}

function toRelationships({ type, index }: Sentinel): readonly Relationship[] {
  const object: RelationshipObject = { kind: 'sentinel', type: type.type, index };
  const { kind, id } = ownerOf(type);
  const ownership: Relationship = {
    object,
    relation: type.ownerRelation,
    subject: { kind: 'principal', principalKind: kind, id },
  };
  const tenancy: Relationship = {
    object,
    relation: type.tenantRelation,
    subject: { kind: 'object', object: SENTINEL_TENANT },
  };
  if (type.parent === undefined) return [ownership, tenancy];
  const parent: RelationshipObject = { kind: 'sentinel', type: type.parent.type, index };
  return [ownership, tenancy, { object, relation: type.parent.relation, subject: { kind: 'object', object: parent } }];
}

/** Named after the shape, so that a type whose shape has changed has its sentinels written again. */
function ownerOf({ tenantRelation, parent }: SentinelType): Principal {
  const shape = [tenantRelation, parent?.relation ?? '', parent?.type ?? ''].join('/');
  return { kind: 'user', id: `${SENTINEL_NAME}/${shape}`, account: SENTINEL_NAME };
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
