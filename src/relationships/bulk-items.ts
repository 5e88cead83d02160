import { v1 } from '@authzed/authzed-node';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { RelationshipCheck } from '../authorize/ports.ts';
import { toCheckItem, toObjectName } from './spicedb-requests.ts';

/** SpiceDB refuses a bulk of more than 10,000 items. */
const MAX_ITEMS = 5_000;
/** gRPC servers in Go refuse a message of more than 4 MiB by default. */
const MAX_BYTES = 3 * 1024 * 1024;

/** Items of one CheckBulkPermissions as they are sent: the request's field `items`, and nothing else of it. */
export interface BulkItems {
  readonly count: number;
  readonly bytes: Buffer;
}

/** A check that was written, and all of its item but the resource. */
interface WrittenCheck {
  readonly check: RelationshipCheck;
  readonly common: Uint8Array;
}

/** At least one; a single empty one if there are no items. */
export type Bulks = readonly [BulkItems, ...BulkItems[]];

/**
 * Writes checks as items, in order, in bulks that SpiceDB takes. The bytes are those of the generated codec, which takes
 * a dozen objects and buffers for each item; what neighbours have in common is written once here.
 *
 * @throws InvalidArgumentError for an id that can't be written.
 */
export function writeCheckItems(checks: readonly RelationshipCheck[]): Bulks {
  const writer = new BinaryWriter();
  let last: WrittenCheck | undefined;
  for (const check of checks) {
    const { type, id } = toObjectName(check.object);
    if (last === undefined || check.principal !== last.check.principal || check.permission !== last.check.permission) {
      const { resource: _, ...others } = toCheckItem(check);
      last = { check, common: v1.CheckBulkPermissionsRequestItem.toBinary(others) };
    }
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(type);
    writer.tag(2, WireType.LengthDelimited).string(id).join();
    writer.raw(last.common).join();
  }
  return splitItems(writer.finish());
}

/** Writes items of any kind, in order, in bulks that SpiceDB takes. */
export function writeItems(items: v1.CheckBulkPermissionsRequestItem[]): Bulks {
  return splitItems(v1.CheckBulkPermissionsRequest.toBinary({ items, withTracing: false }));
}

/** A whole request: messages are put together by writing their fields one after the other. */
export function toBulkRequest(items: BulkItems, consistency: v1.Consistency): Buffer {
  const others = v1.CheckBulkPermissionsRequest.toBinary({ items: [], consistency, withTracing: false });
  return Buffer.concat([others, items.bytes]);
}

function splitItems(written: Uint8Array): Bulks {
  const bytes = Buffer.from(written.buffer, written.byteOffset, written.byteLength);
  const reader = new BinaryReader(bytes);
  const full: BulkItems[] = [];
  let startsAt = 0;
  let count = 0;
  while (reader.pos < reader.len) {
    const itemAt = reader.pos;
    reader.tag();
    const length = reader.uint32();
    reader.pos += length;
    if (count >= MAX_ITEMS || (count > 0 && reader.pos - startsAt > MAX_BYTES)) {
      full.push({ count, bytes: bytes.subarray(startsAt, itemAt) });
      startsAt = itemAt;
      count = 0;
    }
    count += 1;
  }
  const last = { count, bytes: bytes.subarray(startsAt) };
  const [first = last, ...others] = full;
  return first === last ? [last] : [first, ...others, last];
}
