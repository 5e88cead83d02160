import type { v1 } from '@authzed/authzed-node';
import type { StoredObject, StoredRelationship } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import { unescapeObjectId } from './object-id.ts';

/** @throws UnavailableError when it lacks a side. */
export function parseRelationship(relationship: v1.Relationship | undefined): StoredRelationship {
  const { resource, relation, subject } = relationship ?? {};
  if (resource === undefined || subject?.object === undefined || relation === undefined) {
    throw malformedAnswer('a relationship without its sides');
  }
  return {
    object: toStoredObject(resource),
    relation,
    subject: { ...toStoredObject(subject.object), relation: subject.optionalRelation },
  };
}

/** SpiceDB said something that can't be understood. */
export function malformedAnswer(what: string): UnavailableError {
  return new UnavailableError('spicedb', { cause: new Error(`SpiceDB's answer is malformed: ${what}`) });
}

function toStoredObject({ objectType, objectId }: v1.ObjectReference): StoredObject {
  return { type: objectType, id: unescapeObjectId(objectId) };
}
