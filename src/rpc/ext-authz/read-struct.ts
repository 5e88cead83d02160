import type { WireReader } from '../wire-reader.ts';
import { fixed64, lengthDelimited, readMessage, varint } from '../wire-reader.ts';

/** What a `google.protobuf.Struct` holds, as JSON would have it. It has no prototype: every key is its own. */
export type ClaimsObject = { readonly [key: string]: unknown };

/** Deeper ones are refused: claims are flat, and each level is one of ours too. */
const MAX_DEPTH = 16;

const FIELDS = lengthDelimited(1);
const KEY = lengthDelimited(1);
const VALUE = lengthDelimited(2);
const VALUES = lengthDelimited(1);
const NULL = varint(1);
const NUMBER = fixed64(2);
const TEXT = lengthDelimited(3);
const FLAG = varint(4);
const STRUCT = lengthDelimited(5);
const LIST = lengthDelimited(6);

/**
 * Reads a Struct.
 *
 * @throws RangeError if the bytes are none; also if a key comes twice or a value is missing, which a decoder would settle
 * in silence: of two claims that disagree it must not be the sender who chooses.
 */
export function readStruct(bytes: Uint8Array): ClaimsObject {
  const struct = createStruct();
  readMessage(bytes, (tag, reader) => readField(tag, reader, struct, 0));
  return struct;
}

function createStruct(): Record<string, unknown> {
  return { __proto__: null };
}

function readField(tag: number, reader: WireReader, struct: Record<string, unknown>, depth: number): void {
  if (tag !== FIELDS) {
    reader.skip(tag);
    return;
  }
  let key = '';
  let value: unknown;
  reader.message((inner) => {
    if (inner === KEY) key = reader.text();
    else if (inner === VALUE) value = readValue(reader, depth);
    else reader.skip(inner);
  });
  if (value === undefined || key in struct) throw new RangeError('a struct has a key twice, or without a value');
  struct[key] = value;
}

function readValue(reader: WireReader, depth: number): unknown {
  let value: unknown;
  reader.message((tag) => {
    switch (tag) {
      case NULL:
        reader.skip(tag);
        value = null;
        return;
      case NUMBER:
        value = reader.double();
        return;
      case TEXT:
        value = reader.text();
        return;
      case FLAG:
        value = reader.int64() !== 0;
        return;
      case STRUCT:
        value = readInner(reader, depth + 1);
        return;
      case LIST:
        value = readList(reader, depth + 1);
        return;
      default:
        reader.skip(tag);
    }
  });
  if (value === undefined) throw new RangeError('a value has no kind');
  return value;
}

function readInner(reader: WireReader, depth: number): ClaimsObject {
  assertDepth(depth);
  const struct = createStruct();
  reader.message((tag) => readField(tag, reader, struct, depth));
  return struct;
}

function readList(reader: WireReader, depth: number): readonly unknown[] {
  assertDepth(depth);
  const list: unknown[] = [];
  reader.message((tag) => {
    if (tag === VALUES) list.push(readValue(reader, depth));
    else reader.skip(tag);
  });
  return list;
}

function assertDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new RangeError('a struct is too deep');
}
