import type { CallContext, CheckedRelationships, RelationshipCheck, Relationships } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { toTaskgateError } from '../domain/errors.ts';
import { writeCheckItems } from './bulk-items.ts';
import { checkBulk } from './spicedb-bulk.ts';
import { parseCheckAnswer } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { blameToken } from './spicedb-errors.ts';
import { CHECK_PERMISSION } from './spicedb-methods.ts';
import { toCheckItem, toConsistency } from './spicedb-requests.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';

/** Relationships in SpiceDB. One check is CheckPermission, more are CheckBulkPermissions. */
export function createSpiceDbRelationships({ client }: { readonly client: SpiceDbClient }): Relationships {
  return {
    async check(checks, consistency, context) {
      const [check] = checks;
      if (check !== undefined && checks.length === 1) {
        return blaming(consistency, checkOne(client, check, consistency, context));
      }
      const [firstItems, ...laterItems] = writeCheckItems(checks);
      const first = await blaming(consistency, checkBulk(client, firstItems, consistency, context));
      if (laterItems.length === 0) return first;
      // Chunks of one check read the same revision, whatever has been written since.
      const snapshot: ExactSnapshot = { kind: 'at_exact_snapshot', token: first.checkedAt };
      const later = await Promise.all(laterItems.map(async (items) => checkBulk(client, items, snapshot, context)));
      return { results: [first, ...later].flatMap(({ results }) => results), checkedAt: first.checkedAt };
    },
  };
}

async function checkOne(
  client: SpiceDbClient,
  check: RelationshipCheck,
  consistency: Consistency,
  context: CallContext,
): Promise<CheckedRelationships> {
  const request = { ...toCheckItem(check), consistency: toConsistency(consistency), withTracing: false };
  return parseCheckAnswer(await client.call(CHECK_PERMISSION, request, context, { idempotent: true }));
}

async function blaming<Answer>(consistency: Consistency, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (thrown) {
    throw blameToken(toTaskgateError(thrown), consistency);
  }
}
