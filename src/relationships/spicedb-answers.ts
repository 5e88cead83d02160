import { v1 } from '@authzed/authzed-node';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { CheckedRelationships, RelationshipResult } from '../authorize/ports.ts';
import { TaskgateError, UnavailableError } from '../domain/errors.ts';
import type { BulkItems } from './bulk-items.ts';
import { malformedAnswer } from './spicedb-errors.ts';
import { ACCOUNT_PARAMETER } from './spicedb-requests.ts';

const { CheckPermissionResponse_Permissionship: Permissionship } = v1;

/** The tags of CheckBulkPermissionsResponse. */
const CHECKED_AT_TAG = tagOf(1, WireType.LengthDelimited);
const PAIRS_TAG = tagOf(2, WireType.LengthDelimited);
/** The tag of a pair's field `request`. */
const REQUEST_TAG = tagOf(1, WireType.LengthDelimited);
/** The tag of its field `item`, which is two bytes long, and the tag of that one's `permissionship`. */
const PLAIN_RESPONSE = [tagOf(2, WireType.LengthDelimited), 2, tagOf(1, WireType.Varint)] as const;

const HELD: RelationshipResult = { kind: 'held' };
const DENIED: RelationshipResult = { kind: 'denied' };
const PLAIN_RESULTS: ReadonlyMap<number | undefined, RelationshipResult> = new Map<number, RelationshipResult>([
  [Permissionship.HAS_PERMISSION, HELD],
  [Permissionship.NO_PERMISSION, DENIED],
]);

/** @throws UnavailableError when the answer can't be understood: neither an allow nor a denial. */
export function parseCheckAnswer(answer: v1.CheckPermissionResponse): CheckedRelationships {
  return { results: [parsePermissionship(answer.permissionship)], checkedAt: parseToken(answer.checkedAt) };
}

/**
 * Reads the answers of a bulk, each of which must be about the item in its place.
 *
 * An answer repeats every item. It is nearly always the bytes that were sent, and then there is nothing to decode;
 * whatever differs from what is expected is decoded, and compared by its meaning.
 *
 * @throws UnavailableError when the answer can't be understood.
 */
export function parseBulkAnswer(items: BulkItems, answer: Buffer): CheckedRelationships {
  try {
    return readBulkAnswer(items, answer);
  } catch (thrown) {
    throw thrown instanceof TaskgateError ? thrown : malformedAnswer('its encoding', thrown);
  }
}

function readBulkAnswer(items: BulkItems, answer: Buffer): CheckedRelationships {
  const asked = new BinaryReader(items.bytes);
  const told = new BinaryReader(answer);
  const results: RelationshipResult[] = [];
  let checkedAt: v1.ZedToken | undefined;
  while (told.pos < told.len) {
    const tagAt = told.pos;
    switch (told.uint32()) {
      case PAIRS_TAG:
        if (results.length >= items.count) throw malformedAnswer('the number of answers');
        asked.uint32();
        results.push(readPair(nextField(asked, items.bytes), nextField(told, answer)));
        break;
      case CHECKED_AT_TAG:
        checkedAt = v1.ZedToken.fromBinary(told.bytes());
        break;
      default:
        told.pos = tagAt;
        skipField(told);
    }
  }
  if (results.length !== items.count) throw malformedAnswer('the number of answers');
  return { results, checkedAt: parseToken(checkedAt) };
}

/** @throws UnavailableError when there is none. */
export function parseToken(token: v1.ZedToken | undefined): string {
  if (token === undefined || token.token === '') throw malformedAnswer('the revision');
  return token.token;
}

function skipField(reader: BinaryReader): void {
  const [field, wireType] = reader.tag();
  reader.skip(wireType, field);
}

/** A length-delimited field: its length stands at `at`, and what it holds from `valueAt` to `end`. */
interface Field {
  readonly bytes: Buffer;
  readonly at: number;
  readonly valueAt: number;
  readonly end: number;
}

function nextField(reader: BinaryReader, bytes: Buffer): Field {
  const at = reader.pos;
  const length = reader.uint32();
  const field = { bytes, at, valueAt: reader.pos, end: reader.pos + length };
  if (field.end > reader.len) throw malformedAnswer('its encoding');
  reader.pos = field.end;
  return field;
}

function readPair(item: Field, pair: Field): RelationshipResult {
  const plain = readPlainPair(item, pair);
  if (plain !== undefined) return plain;
  return parsePair(
    v1.CheckBulkPermissionsRequestItem.fromBinary(item.bytes.subarray(item.valueAt, item.end)),
    v1.CheckBulkPermissionsPair.fromBinary(pair.bytes.subarray(pair.valueAt, pair.end)),
  );
}

/** What a pair says that is the bytes of the item, held or not, and nothing else; undefined for any other. */
function readPlainPair(item: Field, { bytes, valueAt, end }: Field): RelationshipResult | undefined {
  const itemAt = valueAt + 1;
  const itemEnd = itemAt + item.end - item.at;
  const permissionshipAt = itemEnd + PLAIN_RESPONSE.length;
  if (end !== permissionshipAt + 1 || bytes[valueAt] !== REQUEST_TAG) return undefined;
  if (PLAIN_RESPONSE.some((byte, index) => bytes[itemEnd + index] !== byte)) return undefined;
  if (bytes.compare(item.bytes, item.at, item.end, itemAt, itemEnd) !== 0) return undefined;
  return PLAIN_RESULTS.get(bytes[permissionshipAt]);
}

function parsePair(item: v1.CheckBulkPermissionsRequestItem, pair: v1.CheckBulkPermissionsPair): RelationshipResult {
  if (pair.request === undefined || !isSameItem(item, pair.request)) throw malformedAnswer('the item of an answer');
  switch (pair.response.oneofKind) {
    case 'item':
      return parsePermissionship(pair.response.item.permissionship);
    case 'error': {
      const cause = new Error(`item refused with status ${pair.response.error.code}: ${pair.response.error.message}`);
      return { kind: 'failed', error: new UnavailableError('spicedb', { cause }) };
    }
    case undefined:
    default:
      throw malformedAnswer('an answer');
  }
}

/** True if the object is held; false if it is held conditionally. @throws UnavailableError when it can't be understood. */
export function parseLookupPermissionship(permissionship: v1.LookupPermissionship): boolean {
  switch (permissionship) {
    case v1.LookupPermissionship.HAS_PERMISSION:
      return true;
    case v1.LookupPermissionship.CONDITIONAL_PERMISSION:
      return false;
    case v1.LookupPermissionship.UNSPECIFIED:
    default:
      throw malformedAnswer('the permissionship');
  }
}

/** @throws UnavailableError when it can't be understood: neither an allow nor a denial. */
export function parsePermissionship(permissionship: v1.CheckPermissionResponse_Permissionship): RelationshipResult {
  switch (permissionship) {
    case Permissionship.HAS_PERMISSION:
      return HELD;
    case Permissionship.NO_PERMISSION:
    case Permissionship.CONDITIONAL_PERMISSION:
      return DENIED;
    case Permissionship.UNSPECIFIED:
    default:
      throw malformedAnswer('the permissionship');
  }
}

/** True if the two ask the same of the same, whatever else caveats are told. */
export function isSameItem(a: v1.CheckBulkPermissionsRequestItem, b: v1.CheckBulkPermissionsRequestItem): boolean {
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

function tagOf(field: number, wireType: WireType): number {
  return (field << 3) | wireType;
}
