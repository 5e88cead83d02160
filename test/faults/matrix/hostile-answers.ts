import { v1 } from '@authzed/authzed-node';
import { status } from '@grpc/grpc-js';
import type { Attack, HostileAnswer } from '../../support/hostile-spicedb.ts';

/** What a hostile SpiceDB says in its errors: none of it may be sent on, or logged at info or above. */
export const SPICEDB_CANARY = 'canary-words-of-spicedb postgres://spicedb:canary-datastore-password@datastore:5432';

const { HAS_PERMISSION, UNSPECIFIED } = v1.CheckPermissionResponse_Permissionship;
const TOKEN: v1.ZedToken = { token: 'GgIKAA==' };
/** More than a client of ours takes. */
const HUGE_BYTES = 65 * 1024 * 1024;
const UNKNOWN_ENUM = 99;

/** A shape by its name, for each method that it is a wrong answer of. */
type Shapes = Readonly<Record<string, Attack>>;

const NO_MESSAGE: Shapes = {
  'bytes that are no message': () => toMessages(Buffer.from('ff00ff00ff00ff', 'hex')),
  'no field at all': () => toMessages(Buffer.alloc(0)),
};

/** Answers that no SpiceDB gives, by method: from none of them anything may be concluded. */
export const WRONG_SHAPES: Readonly<Record<string, Shapes>> = {
  CheckPermission: {
    ...NO_MESSAGE,
    'held, without a revision': () => check({ permissionship: HAS_PERMISSION }),
    'a permissionship that is unspecified': () => check({ permissionship: UNSPECIFIED, checkedAt: TOKEN }),
    'a permissionship that is unknown': () => check({ permissionship: UNKNOWN_ENUM, checkedAt: TOKEN }),
  },
  CheckBulkPermissions: {
    ...NO_MESSAGE,
    'one answer too few': bulk((items) => items.slice(1).map(held)),
    'one answer too many': bulk((items) => [...items, ...items.slice(0, 1)].map(held)),
    'answers about other items': bulk((items) =>
      items.map((item) => held({ ...item, resource: { objectType: 'task', objectId: 'another' } })),
    ),
    'answers without items': bulk((items) => items.map((item) => ({ response: held(item).response }))),
    'answers without a result': bulk((items) =>
      items.map((request) => ({ request, response: { oneofKind: undefined } })),
    ),
    'a permissionship that is unspecified': bulk((items) => items.map((item) => answered(item, UNSPECIFIED))),
    'a permissionship that is unknown': bulk((items) => items.map((item) => answered(item, UNKNOWN_ENUM))),
    'an error for each item': bulk((items) =>
      items.map((request) => ({
        request,
        response: { oneofKind: 'error', error: { code: status.INTERNAL, message: SPICEDB_CANARY, details: [] } },
      })),
    ),
    'no revision': bulk((items) => items.map(held), { checkedAt: { token: '' } }),
  },
  WriteRelationships: NO_MESSAGE,
  DeleteRelationships: {
    ...NO_MESSAGE,
    'a progress that is unknown': () =>
      toMessages(
        v1.DeleteRelationshipsResponse.toBinary({
          deletedAt: TOKEN,
          deletionProgress: UNKNOWN_ENUM as v1.DeleteRelationshipsResponse_DeletionProgress,
          relationshipsDeletedCount: '0',
        }),
      ),
  },
  ReadRelationships: {
    ...NO_MESSAGE,
    'a relationship without a revision': readAnswer((relationship) => ({ relationship })),
    'a revision without a relationship': readAnswer(() => ({ readAt: TOKEN })),
    'a relationship of another object': readAnswer((relationship) => ({
      readAt: TOKEN,
      relationship: { ...relationship, resource: { objectType: 'task', objectId: 'another' } },
    })),
    'a relationship of another type': readAnswer((relationship) => ({
      readAt: TOKEN,
      relationship: {
        ...relationship,
        resource: { objectType: 'agent', objectId: relationship.resource?.objectId ?? '' },
      },
    })),
  },
  LookupResources: {
    ...NO_MESSAGE,
    'held, without a revision': lookup({ permissionship: v1.LookupPermissionship.HAS_PERMISSION }),
    'a permissionship that is unspecified': lookup({ permissionship: 0, lookedUpAt: TOKEN }),
    'a permissionship that is unknown': lookup({ permissionship: UNKNOWN_ENUM, lookedUpAt: TOKEN }),
  },
  ReadSchema: NO_MESSAGE,
  Watch: {
    'bytes that are no message': () => toMessages(Buffer.from('ff00ff00ff00ff', 'hex')),
    'a change without a revision': () =>
      toMessages(
        v1.WatchResponse.toBinary({
          updates: [{ operation: v1.RelationshipUpdate_Operation.TOUCH }],
          schemaUpdated: false,
          isCheckpoint: false,
          fullRevisionMetadata: [],
        }),
      ),
  },
};

/** Every status but OK, each with words that must not be repeated. */
export const ERROR_STATUSES: readonly HostileAnswer[] = Object.values(status)
  .filter((code): code is status => typeof code === 'number' && code !== status.OK)
  .map((code) => ({ kind: 'status', code, details: SPICEDB_CANARY }));

/** What it says when it is asked too much. */
export const OVERLOADED: HostileAnswer = { kind: 'status', code: status.RESOURCE_EXHAUSTED, details: SPICEDB_CANARY };

/** A message of 65 MiB. */
export const HUGE: Attack = () => toMessages(Buffer.alloc(HUGE_BYTES, 'canary-huge'));

/** Each call of a method meets the next of its wrong shapes. */
export function createWrongShapes(): (method: string) => Attack | undefined {
  const next = new Map<string, number>();
  return (method) => {
    const shapes = Object.values(WRONG_SHAPES[method] ?? {});
    const at = next.get(method) ?? 0;
    next.set(method, at + 1);
    return shapes[at % shapes.length] ?? (() => OVERLOADED);
  };
}

function toMessages(...messages: readonly Uint8Array[]): HostileAnswer {
  return { kind: 'messages', messages };
}

function check(answer: { readonly permissionship: number; readonly checkedAt?: v1.ZedToken }): HostileAnswer {
  return toMessages(v1.CheckPermissionResponse.toBinary(answer));
}

function bulk(
  toPairs: (items: readonly v1.CheckBulkPermissionsRequestItem[]) => v1.CheckBulkPermissionsPair[],
  { checkedAt }: { readonly checkedAt: v1.ZedToken } = { checkedAt: TOKEN },
): Attack {
  return (request) => {
    const { items } = v1.CheckBulkPermissionsRequest.fromBinary(request);
    return toMessages(v1.CheckBulkPermissionsResponse.toBinary({ checkedAt, pairs: toPairs(items) }));
  };
}

function held(item: v1.CheckBulkPermissionsRequestItem): v1.CheckBulkPermissionsPair {
  return answered(item, HAS_PERMISSION);
}

function answered(request: v1.CheckBulkPermissionsRequestItem, permissionship: number): v1.CheckBulkPermissionsPair {
  return { request, response: { oneofKind: 'item', item: { permissionship } } };
}

/** One relationship that the filter asks for, changed. */
function readAnswer(change: (relationship: v1.Relationship) => Partial<v1.ReadRelationshipsResponse>): Attack {
  return (request) => {
    const filter = v1.ReadRelationshipsRequest.fromBinary(request).relationshipFilter;
    const answer = change({
      resource: { objectType: filter?.resourceType ?? '', objectId: filter?.optionalResourceId ?? '' },
      relation: filter?.optionalRelation || 'owner',
      subject: { object: { objectType: 'user', objectId: 'somebody' }, optionalRelation: '' },
    });
    return toMessages(v1.ReadRelationshipsResponse.toBinary(v1.ReadRelationshipsResponse.create(answer)));
  };
}

function lookup(answer: { readonly permissionship: number; readonly lookedUpAt?: v1.ZedToken }): Attack {
  return () => toMessages(v1.LookupResourcesResponse.toBinary({ resourceObjectId: 'task-1', ...answer }));
}
