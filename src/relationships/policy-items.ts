import { v1 } from '@authzed/authzed-node';
import type { CallContext, RelationshipResult } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { BulkItems } from './bulk-items.ts';
import { toBulkRequest, writeItems } from './bulk-items.ts';
import { isUnevaluable, isUnknownName } from './policy-errors.ts';
import { isSameItem, parsePermissionship, parseToken } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { malformedAnswer } from './spicedb-errors.ts';
import { CHECK_BULK_BYTES } from './spicedb-methods.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';
import { toConsistency } from './spicedb-requests.ts';

const DENIED: RelationshipResult = { kind: 'denied' };

/**
 * Checks at least one item, all at one revision. What the schema does not hold is denied; so is a condition that the
 * context does not fit: an error in its place would tell what there is from what there is not.
 *
 * @throws TaskgateError when nothing could be told.
 */
export async function checkPolicyItems(
  client: SpiceDbClient,
  items: v1.CheckBulkPermissionsRequestItem[],
  consistency: Consistency,
  context: CallContext,
): Promise<readonly RelationshipResult[]> {
  const [firstBulk, ...laterBulks] = writeItems(items);
  const ask = async (bulk: BulkItems, at: Consistency | ExactSnapshot) => {
    const request = toBulkRequest(bulk, toConsistency(at));
    const answer = await client.call(CHECK_BULK_BYTES, request, context, { idempotent: true });
    return decodeAnswer(answer);
  };
  const first = await ask(firstBulk, consistency);
  const snapshot: ExactSnapshot = { kind: 'at_exact_snapshot', token: parseToken(first.checkedAt) };
  const later = await Promise.all(laterBulks.map(async (bulk) => ask(bulk, snapshot)));
  const pairs = [first, ...later].flatMap((answer) => answer.pairs);
  if (pairs.length !== items.length) throw malformedAnswer('the number of answers');
  return items.map((item, index) => parsePair(item, pairs[index]));
}

function decodeAnswer(answer: Buffer): v1.CheckBulkPermissionsResponse {
  try {
    return v1.CheckBulkPermissionsResponse.fromBinary(answer);
  } catch (thrown) {
    throw malformedAnswer('its encoding', thrown);
  }
}

function parsePair(
  item: v1.CheckBulkPermissionsRequestItem,
  pair: v1.CheckBulkPermissionsPair | undefined,
): RelationshipResult {
  if (pair?.request === undefined || !isSameItem(item, pair.request)) throw malformedAnswer('the item of an answer');
  switch (pair.response.oneofKind) {
    case 'item':
      return parsePermissionship(pair.response.item.permissionship);
    case 'error': {
      const { code, message: details } = pair.response.error;
      if (isUnknownName({ code, details }) || isUnevaluable({ code, details })) return DENIED;
      const cause = new Error(`item refused with status ${code}: ${details}`);
      return { kind: 'failed', error: new UnavailableError('spicedb', { cause }) };
    }
    case undefined:
    default:
      throw malformedAnswer('an answer');
  }
}
