import type { v1 } from '@authzed/authzed-node';
import type { StoredObject, StoredRelationship } from '../authorize/ports-lifecycle.ts';
import { unescapeObjectId } from './object-id.ts';
import { malformedAnswer } from './spicedb-errors.ts';

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

function toStoredObject({ objectType, objectId }: v1.ObjectReference): StoredObject {
  return { type: objectType, id: unescapeObjectId(objectId) };
}
