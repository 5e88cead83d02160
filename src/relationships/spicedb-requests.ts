import { v1 } from '@authzed/authzed-node';
import type { Relationship, RelationshipCheck, RelationshipObject, RelationshipSubject } from '../authorize/ports.ts';
import type { RelationshipChange, RelationshipPattern } from '../authorize/ports-lifecycle.ts';
import type { Consistency } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { ObjectName } from './freshness.ts';
import { escapeObjectId, sentinelObjectId } from './object-id.ts';

/** The names that `deploy/spicedb/schema.zed` gives to the tenant and its gate. */
const TENANT_DEFINITION = 'tenant';
const TENANT_GATE_CAVEAT = 'same_account';
/** The caveat parameter that is stored with the relationship. */
const TENANT_ACCOUNT_PARAMETER = 'tenant_account';
/** The caveat parameter that comes with every check. */
export const ACCOUNT_PARAMETER = 'account';

const WILDCARD = '*';
/** The field of a transaction's metadata that holds its tag. */
const WRITE_TAG = 'taskgate_write';

/** A revision that SpiceDB is asked to read at exactly: what a later chunk of one check needs. */
export interface ExactSnapshot {
  readonly kind: 'at_exact_snapshot';
  readonly token: string;
}

/** Writes a check as an item; the principal's account is the caveat context. */
export function toCheckItem({ object, permission, principal }: RelationshipCheck): v1.CheckBulkPermissionsRequestItem {
  return {
    resource: toObjectReference(object),
    permission,
    subject: toSubjectReference(principal.kind, toObjectId(principal.id, 'principal.id')),
    context: toStruct(ACCOUNT_PARAMETER, principal.account),
  };
}

/** Asks for every object of the check's type on which its principal holds its permission; `limit` 0 is no limit. */
export function toLookupRequest(
  check: RelationshipCheck,
  consistency: Consistency | ExactSnapshot,
  limit: number,
): v1.LookupResourcesRequest {
  const { object, permission, principal } = check;
  return {
    consistency: toConsistency(consistency),
    resourceObjectType: toObjectReference(object).objectType,
    permission,
    subject: toSubjectReference(principal.kind, toObjectId(principal.id, 'principal.id')),
    context: toStruct(ACCOUNT_PARAMETER, principal.account),
    optionalLimit: limit,
  };
}

export function toConsistency(consistency: Consistency | ExactSnapshot): v1.Consistency {
  switch (consistency.kind) {
    case 'minimize_latency':
      return { requirement: { oneofKind: 'minimizeLatency', minimizeLatency: true } };
    case 'fully_consistent':
      return { requirement: { oneofKind: 'fullyConsistent', fullyConsistent: true } };
    case 'at_least_as_fresh':
      return { requirement: { oneofKind: 'atLeastAsFresh', atLeastAsFresh: { token: consistency.token } } };
    case 'at_exact_snapshot':
      return { requirement: { oneofKind: 'atExactSnapshot', atExactSnapshot: { token: consistency.token } } };
    default:
      return consistency satisfies never;
  }
}

/** One atomic write. SpiceDB refuses a request that names a relationship twice, so repeated ones are left out. */
export function toWriteRequest({
  create = [],
  touch = [],
  remove = [],
  ...conditions
}: RelationshipChange): v1.WriteRelationshipsRequest {
  const updates = new Map<string, v1.RelationshipUpdate>();
  for (const [relationships, operation] of [
    [create, v1.RelationshipUpdate_Operation.CREATE],
    [touch, v1.RelationshipUpdate_Operation.TOUCH],
    [remove, v1.RelationshipUpdate_Operation.DELETE],
  ] as const) {
    for (const { object, relation, subject } of relationships) {
      const relationship = { resource: toObjectReference(object), relation, ...toSubject(subject) };
      updates.set(nameOf(relationship), { operation, relationship });
    }
  }
  return { updates: [...updates.values()], optionalPreconditions: toPreconditions(conditions) };
}

/** What SpiceDB tells relationships apart by: not by their caveat. */
function nameOf({ resource, relation, subject }: v1.Relationship): string {
  const object = subject?.object;
  return `${resource?.objectType}:${resource?.objectId}#${relation}@${object?.objectType}:${object?.objectId}`;
}

/** What must hold for a write to be made. */
export function toPreconditions({
  ifAny = [],
  ifNone = [],
}: Pick<RelationshipChange, 'ifAny' | 'ifNone'>): v1.Precondition[] {
  return [
    ...ifAny.map((pattern) => ({ operation: v1.Precondition_Operation.MUST_MATCH, filter: toFilter(pattern) })),
    ...ifNone.map((pattern) => ({ operation: v1.Precondition_Operation.MUST_NOT_MATCH, filter: toFilter(pattern) })),
  ];
}

/** Marks a write, so that Watch's word of it is known to be of this one. */
export function toWriteMetadata(tag: string): v1.PbStruct {
  return toStruct(WRITE_TAG, tag);
}

/** What `toWriteMetadata` put there, or undefined. */
export function writeTagOf(metadata: v1.PbStruct | undefined): string | undefined {
  const tag = metadata?.fields[WRITE_TAG]?.kind;
  return tag?.oneofKind === 'stringValue' ? tag.stringValue : undefined;
}

/** All relationships that match a pattern. */
export function toFilter({ object, relation, subject }: RelationshipPattern): v1.RelationshipFilter {
  const { objectType, objectId } = object === undefined ? { objectType: '', objectId: '' } : toObjectReference(object);
  const named = subject === undefined ? undefined : toSubject(subject).subject?.object;
  return {
    resourceType: objectType,
    optionalResourceId: objectId,
    optionalResourceIdPrefix: '',
    optionalRelation: relation ?? '',
    ...(named === undefined
      ? {}
      : { optionalSubjectFilter: { subjectType: named.objectType, optionalSubjectId: named.objectId } }),
  };
}

/** Asks whether there is this relationship to an object, in the form of a check. */
export function toExistenceItem({ object, relation, subject }: Relationship): v1.CheckBulkPermissionsRequestItem {
  return { resource: toObjectReference(object), permission: relation, ...toSubject(subject) };
}

function toSubject(subject: RelationshipSubject): Pick<v1.Relationship, 'subject' | 'optionalCaveat'> {
  switch (subject.kind) {
    case 'principal':
      return { subject: toSubjectReference(subject.principalKind, toObjectId(subject.id, 'subject.id')) };
    case 'object':
      return { subject: { object: toObjectReference(subject.object), optionalRelation: '' } };
    case 'account_members':
      return {
        subject: toSubjectReference(subject.principalKind, WILDCARD),
        optionalCaveat: {
          caveatName: TENANT_GATE_CAVEAT,
          context: toStruct(TENANT_ACCOUNT_PARAMETER, subject.account),
        },
      };
    default:
      return subject satisfies never;
  }
}

/** An object as changes name it. */
export function toObjectName(object: RelationshipObject): ObjectName {
  const { objectType, objectId } = toObjectReference(object);
  return { type: objectType, id: objectId };
}

export function toObjectReference(object: RelationshipObject): v1.ObjectReference {
  switch (object.kind) {
    case 'resource':
      return { objectType: object.type, objectId: toObjectId(object.id, 'resource.id') };
    case 'tenant':
      return { objectType: TENANT_DEFINITION, objectId: toObjectId(object.account, 'principal.account_id') };
    case 'sentinel':
      return { objectType: object.type, objectId: sentinelObjectId(object.index) };
    default:
      return object satisfies never;
  }
}

export function toSubjectReference(objectType: string, objectId: string): v1.SubjectReference {
  return { object: { objectType, objectId }, optionalRelation: '' };
}

function toStruct(parameter: string, value: string): v1.PbStruct {
  return { fields: { [parameter]: { kind: { oneofKind: 'stringValue', stringValue: value } } } };
}

export function toObjectId(id: string, field: string): string {
  const escaped = escapeObjectId(id);
  if (escaped === undefined) throw new InvalidArgumentError(field, 'can not be written as a SpiceDB object id');
  return escaped;
}
