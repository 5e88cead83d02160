import type { v1 } from '@authzed/authzed-node';
import type { CallContext } from '../authorize/ports.ts';
import type { RelationshipPattern, RelationshipReader } from '../authorize/ports-lifecycle.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import { OverloadedError } from '../domain/errors.ts';
import { writeItems } from './bulk-items.ts';
import { parseRelationship } from './parse-relationship.ts';
import type { Freshness } from './freshness.ts';
import { parseToken } from './spicedb-answers.ts';
import { checkBulk } from './spicedb-bulk.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { malformedAnswer } from './spicedb-errors.ts';
import { READ_RELATIONSHIPS } from './spicedb-methods.ts';
import { toConsistency, toExistenceItem, toFilter, toObjectName } from './spicedb-requests.ts';
import { createSpiceDbScan } from './spicedb-scan.ts';
import { takeAnswers } from './take-answers.ts';

const MAX_READ = 10_000;
const FRESHEST = toConsistency(FULLY_CONSISTENT);

/** Reads relationships from SpiceDB as they stand, not what follows from them. */
export function createSpiceDbReader({
  client,
  freshness,
}: {
  readonly client: SpiceDbClient;
  readonly freshness: Pick<Freshness, 'beginWrite'>;
}): RelationshipReader {
  const readUpTo = async (
    max: number,
    pattern: RelationshipPattern,
    context: CallContext,
    optionalLimit = 0,
  ): Promise<readonly v1.ReadRelationshipsResponse[]> => {
    const filter = toFilter(pattern);
    const request = { consistency: FRESHEST, relationshipFilter: filter, optionalLimit };
    const answers = await takeAnswers(client, READ_RELATIONSHIPS, { request, max }, context);
    for (const { relationship, readAt } of answers) {
      if (!isOf(filter, relationship)) throw malformedAnswer('a relationship that was not asked for');
      parseToken(readAt);
    }
    return answers;
  };
  const read: RelationshipReader['read'] = async (pattern, context) => {
    const max = MAX_READ + 1;
    const answers = await readUpTo(max, pattern, context);
    if (answers.length === max) throw new OverloadedError({ cause: `more than ${MAX_READ} relationships` });
    return {
      relationships: answers.map(({ relationship }) => parseRelationship(relationship)),
      readAt: answers[0]?.readAt?.token,
    };
  };

  return {
    read,

    async confirm(pattern, context) {
      // To whoever is told of it, it is no different from a write.
      const own = freshness.beginWrite([toObjectName(pattern.object)]);
      try {
        const found = await read(pattern, context);
        if (found.readAt === undefined) own.failed();
        else own.written(found.readAt);
        return found;
      } catch (error) {
        own.failed();
        throw error;
      }
    },

    async exists(pattern, context) {
      const answers = await readUpTo(1, pattern, context, 1);
      return answers.length > 0;
    },

    scan: createSpiceDbScan({ client }),

    async has(relationships, context) {
      if (relationships.length === 0) return [];
      const bulks = writeItems(relationships.map(toExistenceItem));
      const told = await Promise.all(bulks.map(async (items) => checkBulk(client, items, FULLY_CONSISTENT, context)));
      return told.flatMap(({ results }) =>
        results.map((result) => {
          if (result.kind === 'failed') throw result.error;
          return result.kind === 'held';
        }),
      );
    },
  };
}

/** True if the filter asks for the relationship, as far as it names what it asks for. */
function isOf(filter: v1.RelationshipFilter, relationship: v1.Relationship | undefined): boolean {
  const { resource, relation, subject } = relationship ?? {};
  const { subjectType = '', optionalSubjectId = '' } = filter.optionalSubjectFilter ?? {};
  const isOrAny = (asked: string, told: string | undefined): boolean => asked === '' || asked === told;
  return (
    isOrAny(filter.resourceType, resource?.objectType) &&
    isOrAny(filter.optionalResourceId, resource?.objectId) &&
    isOrAny(filter.optionalRelation, relation) &&
    isOrAny(subjectType, subject?.object?.objectType) &&
    isOrAny(optionalSubjectId, subject?.object?.objectId)
  );
}
