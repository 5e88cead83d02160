import type { v1 } from '@authzed/authzed-node';
import { ACCOUNT_PARAMETER } from './spicedb-requests.ts';

/** SpiceDB refuses a bulk of more than 10,000 items. */
const MAX_ITEMS = 5_000;
/** gRPC servers in Go refuse a message of more than 4 MiB by default. */
const MAX_BYTES = 3 * 1024 * 1024;
/** More than what the tags and lengths of an item's fields take. */
const OVERHEAD_BYTES = 128;
/** A UTF-16 code unit takes at most this many bytes of UTF-8. */
const MAX_BYTES_PER_CODE_UNIT = 3;

/** Splits items, in order, into bulks that SpiceDB takes. */
export function splitItems(
  items: readonly v1.CheckBulkPermissionsRequestItem[],
): v1.CheckBulkPermissionsRequestItem[][] {
  const chunks: v1.CheckBulkPermissionsRequestItem[][] = [];
  let chunk: v1.CheckBulkPermissionsRequestItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = maxEncodedBytes(item);
    if (chunk.length >= MAX_ITEMS || bytes + itemBytes > MAX_BYTES) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(item);
    bytes += itemBytes;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

function maxEncodedBytes({ resource, permission, subject, context }: v1.CheckBulkPermissionsRequestItem): number {
  const account = context?.fields[ACCOUNT_PARAMETER]?.kind;
  const codeUnits = account?.oneofKind === 'stringValue' ? account.stringValue.length : 0;
  return (
    OVERHEAD_BYTES +
    (resource?.objectType.length ?? 0) +
    (resource?.objectId.length ?? 0) +
    permission.length +
    (subject?.object?.objectType.length ?? 0) +
    (subject?.object?.objectId.length ?? 0) +
    MAX_BYTES_PER_CODE_UNIT * codeUnits
  );
}
