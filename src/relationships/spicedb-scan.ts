import { status } from '@grpc/grpc-js';
import type { v1 } from '@authzed/authzed-node';
import type { CallContext } from '../authorize/ports.ts';
import type { RelationshipPage, RelationshipReader } from '../authorize/ports-lifecycle.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import { FailedPreconditionError } from '../domain/errors.ts';
import { parseRelationship } from './parse-relationship.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { grpcStatusOf, malformedAnswer } from './spicedb-errors.ts';
import { EXPORT_BULK_RELATIONSHIPS, READ_RELATIONSHIPS } from './spicedb-methods.ts';
import { toConsistency, toFilter } from './spicedb-requests.ts';
import { takeAnswers } from './take-answers.ts';

/** What SpiceDB exports fastest: more than twice the relationships a second of reading them one a message. */
const EXPORT_SIZE = 2_500;
/** SpiceDB's own limit of what one read gives. */
const READ_SIZE = 1_000;
/** What stores answer when they no longer keep the revision of a cursor, or when it is of the other call. */
const NO_SUCH_CURSOR: ReadonlySet<number> = new Set([
  status.OUT_OF_RANGE,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.UNKNOWN,
]);

type Scan = RelationshipReader['scan'];

/** Scans by ExportBulkRelationships, and where that is not implemented, as in the embedded engine, by ReadRelationships. */
export function createSpiceDbScan({ client }: { readonly client: SpiceDbClient }): Scan {
  let isExportKnown = true;
  return async (type, cursor, context) => {
    const request = {
      consistency: toConsistency(FULLY_CONSISTENT),
      ...(cursor === undefined ? {} : { optionalCursor: { token: cursor } }),
    };
    const filter = { ...toFilter({}), resourceType: type };
    try {
      if (isExportKnown) {
        try {
          return await exportPage(
            client,
            { ...request, optionalRelationshipFilter: filter, optionalLimit: EXPORT_SIZE },
            context,
          );
        } catch (thrown) {
          if (grpcStatusOf(thrown)?.code !== status.UNIMPLEMENTED) throw thrown;
          isExportKnown = false;
        }
      }
      return await readPage(client, { ...request, relationshipFilter: filter, optionalLimit: READ_SIZE }, context);
    } catch (thrown) {
      const code = grpcStatusOf(thrown)?.code;
      if (cursor === undefined || code === undefined || !NO_SUCH_CURSOR.has(code)) throw thrown;
      throw new FailedPreconditionError('the cursor can not be gone on with: begin anew', { cause: thrown });
    }
  };
}

async function exportPage(
  client: SpiceDbClient,
  request: v1.ExportBulkRelationshipsRequest,
  context: CallContext,
): Promise<RelationshipPage> {
  const [page] = await takeAnswers(client, EXPORT_BULK_RELATIONSHIPS, { request, max: 1 }, context);
  // Pages may be as small as the server likes: only one that is not there is the end.
  if (page === undefined) return { relationships: [], cursor: undefined };
  return {
    relationships: page.relationships.map(parseRelationship),
    cursor: parseCursor(page.afterResultCursor, request.optionalCursor),
  };
}

async function readPage(
  client: SpiceDbClient,
  request: v1.ReadRelationshipsRequest,
  context: CallContext,
): Promise<RelationshipPage> {
  const max = request.optionalLimit;
  const answers = await takeAnswers(client, READ_RELATIONSHIPS, { request, max }, context);
  return {
    relationships: answers.map(({ relationship }) => parseRelationship(relationship)),
    cursor: answers.length < max ? undefined : parseCursor(answers.at(-1)?.afterResultCursor, request.optionalCursor),
  };
}

function parseCursor(cursor: v1.Cursor | undefined, before: v1.Cursor | undefined): string {
  if (cursor === undefined || cursor.token === '' || cursor.token === before?.token) {
    throw malformedAnswer('a page has no cursor of its own');
  }
  return cursor.token;
}
