import { v1 } from '@authzed/authzed-node';
import type { Relationship, RelationshipCheck, RelationshipObject, RelationshipSubject } from '../authorize/ports.ts';
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

/** A revision that SpiceDB is asked to read at exactly: what a later chunk of one check needs. */
export interface ExactSnapshot {
  readonly kind: 'at_exact_snapshot';
  readonly token: string;
}

/** Writes a check as an item; the principal's account is the caveat context. */
export function toCheckItem(check: RelationshipCheck): v1.CheckBulkPermissionsRequestItem {
  return {
    resource: toObjectReference(check.object),
    permission: check.permission,
    subject: toSubjectReference(check.principal.kind, toObjectId(check.principal.id, 'principal.id')),
    context: toStruct(ACCOUNT_PARAMETER, check.principal.account),
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

/** Writes relationships as TOUCHes. SpiceDB refuses a request that names one twice, so repeated ones are left out. */
export function toTouches(relationships: readonly Relationship[]): v1.RelationshipUpdate[] {
  const touches = new Map<string, v1.RelationshipUpdate>();
  for (const { object, relation, subject } of relationships) {
    const relationship = { resource: toObjectReference(object), relation, ...toSubject(subject) };
    touches.set(JSON.stringify(relationship), { operation: v1.RelationshipUpdate_Operation.TOUCH, relationship });
  }
  return [...touches.values()];
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

function toObjectReference(object: RelationshipObject): v1.ObjectReference {
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

function toSubjectReference(objectType: string, objectId: string): v1.SubjectReference {
  return { object: { objectType, objectId }, optionalRelation: '' };
}

function toStruct(parameter: string, value: string): v1.PbStruct {
  return { fields: { [parameter]: { kind: { oneofKind: 'stringValue', stringValue: value } } } };
}

function toObjectId(id: string, field: string): string {
  const escaped = escapeObjectId(id);
  if (escaped === undefined) throw new InvalidArgumentError(field, 'can not be written as a SpiceDB object id');
  return escaped;
}
