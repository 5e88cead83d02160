const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const WIRE_TYPES = 8;
const MAX_VARINT_BYTES = 10;
const MAX_UINT32 = 0xff_ff_ff_ff;
/** From here on an int64 is negative. */
const SIGN = 2 ** 63;

/** The number of the field whose tag it is. */
export const fieldOf = (tag: number): number => Math.floor(tag / WIRE_TYPES);
/** The tag of a field that is a message, a text or bytes. */
export const lengthDelimited = (field: number): number => field * WIRE_TYPES + LENGTH_DELIMITED;
/** The tag of a field that is a whole number, a flag or an enum. */
export const varint = (field: number): number => field * WIRE_TYPES + VARINT;
/** The tag of a field that is a double. */
export const fixed64 = (field: number): number => field * WIRE_TYPES + FIXED64;

/** Reads or skips the value of a field. */
export type ReadField = (tag: number, reader: WireReader) => void;

/**
 * Goes once over the bytes of a protobuf message and of those within it. It makes nothing but what is asked for: to make
 * messages of a whole CheckRequest takes longer than the rest of the call. Each method throws a RangeError where the bytes
 * are no message. Groups, which proto3 does not have, are none.
 */
export interface WireReader {
  /** Reads the value of a field as a message: `read` has to read or skip the value of each of its fields. */
  message(read: ReadField): void;
  /** Each byte that is not UTF-8 becomes U+FFFD. */
  text(): string;
  /** The bytes themselves, not a copy. */
  bytes(): Uint8Array;
  /** An int64, of which one that is negative is -1, and one beyond 2^53 is only near it. */
  int64(): number;
  double(): number;
  /** Goes over the value of a field that nobody wants. */
  skip(tag: number): void;
}

/** Reads a whole message: see `WireReader.message`. */
export function readMessage(input: Uint8Array, read: ReadField): void {
  const buffer = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  let end = buffer.length;

  const hasMore = (): boolean => at < end;

  /** Of any length up to ten bytes; above 2^53 it loses digits. */
  function number(): number {
    let value = 0;
    for (let count = 0, unit = 1; count < MAX_VARINT_BYTES; count += 1, unit *= 0x80) {
      const byte = hasMore() ? (buffer[at] ?? 0) : cut();
      at += 1;
      if (byte < 0x80) return value + byte * unit;
      value += (byte - 0x80) * unit;
    }
    throw new RangeError('a number is too long');
  }

  /** Where the value ends whose length comes now. */
  function limit(): number {
    const length = number();
    return length > end - at ? cut() : at + length;
  }

  function tagOf(): number {
    const tag = number();
    if (tag < WIRE_TYPES || tag > MAX_UINT32) throw new RangeError('a tag is none');
    return tag;
  }

  function advance(bytes: number): number {
    const from = at;
    if (bytes > end - at) cut();
    at += bytes;
    return from;
  }

  const reader: WireReader = {
    message(readField) {
      const outer = end;
      end = limit();
      while (hasMore()) readField(tagOf(), reader);
      end = outer;
    },
    text() {
      const stop = limit();
      const text = buffer.toString('utf8', at, stop);
      at = stop;
      return text;
    },
    bytes() {
      const stop = limit();
      const bytes = buffer.subarray(at, stop);
      at = stop;
      return bytes;
    },
    int64() {
      const value = number();
      return value < SIGN ? value : -1;
    },
    double: () => buffer.readDoubleLE(advance(Float64Array.BYTES_PER_ELEMENT)),
    skip(tag) {
      switch (tag % WIRE_TYPES) {
        case VARINT:
          number();
          return;
        case FIXED64:
          advance(8);
          return;
        case LENGTH_DELIMITED:
          at = limit();
          return;
        case FIXED32:
          advance(4);
          return;
        default:
          throw new RangeError('there are no groups');
      }
    },
  };
  while (hasMore()) read(tagOf(), reader);
}

function cut(): never {
  throw new RangeError('the message is cut');
}
