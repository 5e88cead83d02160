import type { CallContext, CheckedRelationships } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import type { BulkItems } from './bulk-items.ts';
import { toBulkRequest } from './bulk-items.ts';
import { parseBulkAnswer } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { CHECK_BULK_BYTES } from './spicedb-methods.ts';
import { toConsistency } from './spicedb-requests.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';

/** One CheckBulkPermissions. @throws TaskgateError when nothing could be told. */
export async function checkBulk(
  client: SpiceDbClient,
  items: BulkItems,
  consistency: Consistency | ExactSnapshot,
  context: CallContext,
): Promise<CheckedRelationships> {
  const request = toBulkRequest(items, toConsistency(consistency));
  return parseBulkAnswer(items, await client.call(CHECK_BULK_BYTES, request, context, { idempotent: true }));
}
