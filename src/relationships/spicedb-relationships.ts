import type { v1 } from '@authzed/authzed-node';
import type { CallContext, CheckedRelationships, Relationships } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { toTaskgateError } from '../domain/errors.ts';
import { splitItems } from './split-items.ts';
import { parseBulkAnswer, parseCheckAnswer } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { blameToken } from './spicedb-errors.ts';
import { CHECK_BULK_PERMISSIONS, CHECK_PERMISSION } from './spicedb-methods.ts';
import { toCheckItem, toConsistency } from './spicedb-requests.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';

const IDEMPOTENT = { idempotent: true };

/** Relationships in SpiceDB. One check is CheckPermission, more are CheckBulkPermissions. */
export function createSpiceDbRelationships({ client }: { readonly client: SpiceDbClient }): Relationships {
  return {
    async check(checks, consistency, context) {
      const [firstItems = [], ...laterItems] = splitItems(checks.map(toCheckItem));
      const first = await checkFirst(client, firstItems, consistency, context);
      // Chunks of one check read the same revision, whatever has been written since.
      const snapshot: ExactSnapshot = { kind: 'at_exact_snapshot', token: first.checkedAt };
      const later = await Promise.all(laterItems.map(async (items) => checkItems(client, items, snapshot, context)));
      return { results: [first, ...later].flatMap(({ results }) => results), checkedAt: first.checkedAt };
    },
  };
}

async function checkFirst(
  client: SpiceDbClient,
  items: v1.CheckBulkPermissionsRequestItem[],
  consistency: Consistency,
  context: CallContext,
): Promise<CheckedRelationships> {
  try {
    return await checkItems(client, items, consistency, context);
  } catch (thrown) {
    throw blameToken(toTaskgateError(thrown), consistency);
  }
}

async function checkItems(
  client: SpiceDbClient,
  items: v1.CheckBulkPermissionsRequestItem[],
  consistency: Consistency | ExactSnapshot,
  context: CallContext,
): Promise<CheckedRelationships> {
  const required = { consistency: toConsistency(consistency), withTracing: false };
  const [item] = items;
  if (item !== undefined && items.length === 1) {
    return parseCheckAnswer(await client.call(CHECK_PERMISSION, { ...item, ...required }, context, IDEMPOTENT));
  }
  return parseBulkAnswer(items, await client.call(CHECK_BULK_PERMISSIONS, { items, ...required }, context, IDEMPOTENT));
}
