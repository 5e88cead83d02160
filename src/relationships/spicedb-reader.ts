import { status } from '@grpc/grpc-js';
import type { v1 } from '@authzed/authzed-node';
import type { CallContext, RelationshipReader, StoredRelationship } from '../authorize/ports.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import { FailedPreconditionError, OverloadedError, UnavailableError } from '../domain/errors.ts';
import { unescapeObjectId } from './object-id.ts';
import { splitItems } from './split-items.ts';
import { parseBulkAnswer } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { grpcStatusOf } from './spicedb-errors.ts';
import { CHECK_BULK_PERMISSIONS, READ_RELATIONSHIPS } from './spicedb-methods.ts';
import { toConsistency, toExistenceItem, toFilter } from './spicedb-requests.ts';

/** SpiceDB's own limit of a page. */
const PAGE_SIZE = 1_000;
const MAX_READ = 10_000;
const FRESHEST = toConsistency(FULLY_CONSISTENT);

/** Reads relationships from SpiceDB as they stand, not what follows from them. */
export function createSpiceDbReader({ client }: { readonly client: SpiceDbClient }): RelationshipReader {
  return {
    async read(pattern, context) {
      const request = { consistency: FRESHEST, relationshipFilter: toFilter(pattern), optionalLimit: 0 };
      const answers = await collect(client, request, context, MAX_READ);
      return { relationships: answers.map(parseRelationship), readAt: answers[0]?.readAt?.token };
    },

    async exists(pattern, context) {
      const request = { consistency: FRESHEST, relationshipFilter: toFilter(pattern), optionalLimit: 1 };
      const answers = await collect(client, request, context, 1);
      return answers.length > 0;
    },

    async scan(type, cursor, context) {
      const relationshipFilter = { ...toFilter({}), resourceType: type };
      const page = { consistency: FRESHEST, relationshipFilter, optionalLimit: PAGE_SIZE };
      const request = cursor === undefined ? page : { ...page, optionalCursor: { token: cursor } };
      try {
        const answers = await collect(client, request, context, PAGE_SIZE);
        const next = answers.length < PAGE_SIZE ? undefined : answers.at(-1)?.afterResultCursor?.token;
        if (answers.length === PAGE_SIZE && (next === undefined || next === ''))
          throw malformed('a page has no cursor');
        return { relationships: answers.map(parseRelationship), cursor: next };
      } catch (thrown) {
        if (cursor === undefined || grpcStatusOf(thrown)?.code !== status.OUT_OF_RANGE) throw thrown;
        throw new FailedPreconditionError('the revision of the scan is no longer kept: begin anew', { cause: thrown });
      }
    },

    async has(relationships, context) {
      const chunks = splitItems(relationships.map(toExistenceItem));
      const told = await Promise.all(
        chunks.map(async (items) => {
          const request = { items, consistency: FRESHEST, withTracing: false };
          return parseBulkAnswer(
            items,
            await client.call(CHECK_BULK_PERMISSIONS, request, context, { idempotent: true }),
          );
        }),
      );
      return told.flatMap(({ results }) =>
        results.map((result) => {
          if (result.kind === 'failed') throw result.error;
          return result.kind === 'held';
        }),
      );
    },
  };
}

/** All answers of a read, at most `max`. */
async function collect(
  client: SpiceDbClient,
  request: v1.ReadRelationshipsRequest,
  { signal }: CallContext,
  max: number,
): Promise<readonly v1.ReadRelationshipsResponse[]> {
  const answers: v1.ReadRelationshipsResponse[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const stream = client.stream(READ_RELATIONSHIPS, request, signal, {
    onMessage(answer) {
      answers.push(answer);
      if (answers.length > max) reject(new OverloadedError({ cause: `more than ${max} relationships` }));
    },
    onEnd(error) {
      if (error === undefined) resolve(undefined);
      else reject(error);
    },
  });
  try {
    await promise;
  } finally {
    stream.cancel();
  }
  return answers;
}

function parseRelationship({ relationship }: v1.ReadRelationshipsResponse): StoredRelationship {
  const { resource, relation, subject } = relationship ?? {};
  if (resource === undefined || subject?.object === undefined || relation === undefined) {
    throw malformed('a relationship without its sides');
  }
  return {
    object: toStoredObject(resource),
    relation,
    subject: { ...toStoredObject(subject.object), relation: subject.optionalRelation },
  };
}

function toStoredObject({ objectType, objectId }: v1.ObjectReference): StoredRelationship['object'] {
  return { type: objectType, id: unescapeObjectId(objectId) };
}

function malformed(what: string): UnavailableError {
  return new UnavailableError('spicedb', { cause: new Error(`SpiceDB's answer is malformed: ${what}`) });
}
