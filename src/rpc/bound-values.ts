import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { WireReader } from './wire-reader.ts';
import { fieldOf, lengthDelimited, readMessage, varint } from './wire-reader.ts';

/** Of a request without a list: some fifty times what any has. */
const MAX_PLAIN_VALUES = 1_000;
/** Of one with a list: 10,000 resources have 30,000. */
const MAX_LIST_VALUES = 40_000;
/** A tag, and the shortest value. */
const MIN_VALUE_BYTES = 2;
const REQUEST = 'request';

/** What a field is: the one tag that it may have, and what is in it. */
interface KnownField {
  readonly tag: number;
  readonly fields: KnownFields | undefined;
}

/** By their numbers. */
type KnownFields = ReadonlyMap<number, KnownField>;

const knownFields = new WeakMap<DescMessage, KnownFields>();

/** How many values a request may have, those of messages within it included. */
export function maxValuesOf(request: DescMessage): number {
  return request.fields.some(({ fieldKind }) => fieldKind === 'list') ? MAX_LIST_VALUES : MAX_PLAIN_VALUES;
}

/** It has more than that. */
export function tooManyValues(request: DescMessage): InvalidArgumentError {
  return new InvalidArgumentError(REQUEST, `must have at most ${maxValuesOf(request)} values`);
}

/** Its bytes are no such message. */
export function notValid(request: DescMessage, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(REQUEST, `is not a valid ${request.typeName}`, { cause });
}

/**
 * Bounds what it takes to decode a request: an object is made of each value, and one of two bytes takes as long as one of
 * a hundred. What is short is not looked at.
 *
 * @throws InvalidArgumentError if there are more values than any request has, or it is no message.
 */
export function boundValues(request: DescMessage, bytes: Uint8Array): void {
  const maxValues = maxValuesOf(request);
  if (bytes.length <= maxValues * MIN_VALUE_BYTES) return;
  let values = 0;
  let fields = fieldsOf(request);
  const read = (tag: number, reader: WireReader): void => {
    values += 1;
    if (values > maxValues) throw tooManyValues(request);
    const field = fields.get(fieldOf(tag));
    // A decoder may take it for what it should be, and then sees other values than are counted here.
    if (field !== undefined && field.tag !== tag) throw notValid(request);
    if (field?.fields === undefined) {
      reader.skip(tag);
      return;
    }
    const outer = fields;
    fields = field.fields;
    reader.message(read);
    fields = outer;
  };
  try {
    readMessage(bytes, read);
  } catch (thrown) {
    throw thrown instanceof InvalidArgumentError ? thrown : notValid(request, thrown);
  }
}

function fieldsOf(message: DescMessage): KnownFields {
  const known = knownFields.get(message);
  if (known !== undefined) return known;
  const fields = new Map(
    message.fields.map((field) => [
      field.number,
      { tag: tagOf(field), fields: field.message === undefined ? undefined : fieldsOf(field.message) },
    ]),
  );
  knownFields.set(message, fields);
  return fields;
}

/** Requests have texts, messages, flags, enums and whole numbers. */
function tagOf({ number, scalar, message }: DescField): number {
  return message !== undefined || scalar === ScalarType.STRING ? lengthDelimited(number) : varint(number);
}
