import { v1 } from '@authzed/authzed-node';
import type { CheckedRelationships, RelationshipResult } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import { ACCOUNT_PARAMETER } from './spicedb-requests.ts';

const { CheckPermissionResponse_Permissionship: Permissionship } = v1;

/** @throws UnavailableError when the answer can't be understood: neither an allow nor a denial. */
export function parseCheckAnswer(answer: v1.CheckPermissionResponse): CheckedRelationships {
  return { results: [parsePermissionship(answer.permissionship)], checkedAt: parseToken(answer.checkedAt) };
}

/**
 * Reads the answers of a bulk, each of which must be about the item in its place.
 *
 * @throws UnavailableError when the answer can't be understood.
 */
export function parseBulkAnswer(
  items: readonly v1.CheckBulkPermissionsRequestItem[],
  answer: v1.CheckBulkPermissionsResponse,
): CheckedRelationships {
  if (answer.pairs.length !== items.length) throw malformed('the number of answers');
  const results = items.map((item, index) => parsePair(item, answer.pairs[index]));
  return { results, checkedAt: parseToken(answer.checkedAt) };
}

/** @throws UnavailableError when there is none. */
export function parseToken(token: v1.ZedToken | undefined): string {
  if (token === undefined || token.token === '') throw malformed('the revision');
  return token.token;
}

function parsePair(
  item: v1.CheckBulkPermissionsRequestItem,
  pair: v1.CheckBulkPermissionsPair | undefined,
): RelationshipResult {
  if (pair?.request === undefined || !isSameItem(item, pair.request)) throw malformed('the item of an answer');
  switch (pair.response.oneofKind) {
    case 'item':
      return parsePermissionship(pair.response.item.permissionship);
    case 'error': {
      const cause = new Error(`item refused with status ${pair.response.error.code}: ${pair.response.error.message}`);
      return { kind: 'failed', error: new UnavailableError('spicedb', { cause }) };
    }
    case undefined:
    default:
      throw malformed('an answer');
  }
}

function parsePermissionship(permissionship: v1.CheckPermissionResponse_Permissionship): RelationshipResult {
  switch (permissionship) {
    case Permissionship.HAS_PERMISSION:
      return { kind: 'held' };
    case Permissionship.NO_PERMISSION:
    case Permissionship.CONDITIONAL_PERMISSION:
      return { kind: 'denied' };
    case Permissionship.UNSPECIFIED:
    default:
      throw malformed('the permissionship');
  }
}

function isSameItem(a: v1.CheckBulkPermissionsRequestItem, b: v1.CheckBulkPermissionsRequestItem): boolean {
  return (
    isSameObject(a.resource, b.resource) &&
    a.permission === b.permission &&
    isSameObject(a.subject?.object, b.subject?.object) &&
    a.subject?.optionalRelation === b.subject?.optionalRelation &&
    accountOf(a) === accountOf(b)
  );
}

function isSameObject(a: v1.ObjectReference | undefined, b: v1.ObjectReference | undefined): boolean {
  return a?.objectType === b?.objectType && a?.objectId === b?.objectId;
}

function accountOf(item: v1.CheckBulkPermissionsRequestItem): string | undefined {
  const account = item.context?.fields[ACCOUNT_PARAMETER]?.kind;
  return account?.oneofKind === 'stringValue' ? account.stringValue : undefined;
}

function malformed(what: string): UnavailableError {
  return new UnavailableError('spicedb', { cause: new Error(`SpiceDB's answer is malformed: ${what}`) });
}
