import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckRequestSchema } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { readCheckRequest } from '../../../src/rpc/ext-authz/read-check-request.ts';
import { readStruct } from '../../../src/rpc/ext-authz/read-struct.ts';
import { checkRequestBytes } from '../../support/envoy-checks.ts';
import { hostileText } from '../../support/hostile-text.ts';
import { RECORDED } from './recorded/recorded.ts';

const FILTER = 'envoy.filters.http.jwt_authn';
const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** What the generated decoder reads, in the shape of ours. */
function decode(bytes: Uint8Array) {
  const { attributes } = fromBinary(CheckRequestSchema, bytes);
  const http = attributes?.request?.http;
  return {
    hasHttp: http !== undefined,
    method: http?.method ?? '',
    path: http?.path ?? '',
    headers: Object.entries(http?.headers ?? {}),
    headerMap: http?.headerMap?.headers.map(({ key, value, rawValue }) => [
      key,
      value + Buffer.from(rawValue).toString(),
    ]),
    size: Number(http?.size ?? 0),
    body: Buffer.from(http?.body ?? '').toString('hex'),
    rawBody: Buffer.from(http?.rawBody ?? []).toString('hex'),
    extensions: Object.entries(attributes?.contextExtensions ?? {}),
    metadata: attributes?.metadataContext?.filterMetadata[FILTER],
  };
}

function readOurs(bytes: Uint8Array) {
  const { body, rawBody, metadata, ...rest } = readCheckRequest(bytes, FILTER);
  return {
    ...rest,
    body: Buffer.from(body).toString('hex'),
    rawBody: Buffer.from(rawBody).toString('hex'),
    metadata: metadata === undefined ? undefined : plain(readStruct(metadata)),
  };
}

const unordered = ({ headers, extensions, ...rest }: ReturnType<typeof decode> | ReturnType<typeof readOurs>) => ({
  ...rest,
  headers: Object.fromEntries(headers),
  extensions: Object.fromEntries(extensions),
});

describe('a CheckRequest', () => {
  it.each([...RECORDED])('is read as the generated decoder reads it: %s', (_, bytes) => {
    expect(unordered(readOurs(bytes))).toEqual(unordered(decode(bytes)));
  });

  it('is read alike whatever is in it', () => {
    const text = hostileText.filter((value) => value.isWellFormed());
    const json = fc.jsonValue({ maxDepth: 3 }).map((value): JsonObject => ({ value: plain(value) }) as JsonObject);
    const http = fc.record({
      method: text,
      path: text,
      headers: fc.dictionary(text, text, { maxKeys: 5, noNullPrototype: true }),
      size: fc.bigInt({ min: -1n, max: 2n ** 50n }),
      body: text,
      rawBody: fc.uint8Array({ maxLength: 300 }),
      id: text,
    });
    const requests = fc.record({
      http,
      extensions: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
      json,
    });
    fc.assert(
      fc.property(requests, ({ http: described, extensions, json: claims }) => {
        const init: MessageInitShape<typeof CheckRequestSchema> = {
          attributes: {
            request: { time: { seconds: 1n, nanos: 5 }, http: described },
            contextExtensions: extensions,
            metadataContext: { filterMetadata: { [FILTER]: claims, other: { a: 1 } } },
          },
        };
        const bytes = toBinary(CheckRequestSchema, create(CheckRequestSchema, init));
        expect(unordered(readOurs(bytes))).toEqual(unordered(decode(bytes)));
      }),
    );
  });

  it('is refused wherever it is cut, or is less than it was and still a message', () => {
    const [bytes] = RECORDED.values();
    if (bytes === undefined) throw new Error('nothing is recorded');
    // The whole is one field, so every part of it is cut.
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => readCheckRequest(bytes.subarray(0, length), FILTER)).toThrow(RangeError);
    }
  });

  it.each([
    ['a group', [0x0b, 0x0c]],
    ['field 0', [0x02, 0x00]],
    ['a wire type that there is none of', [0x0f]],
    ['a tag beyond 32 bits', [0x82, 0x80, 0x80, 0x80, 0x10, 0x00]],
    ['a number without end', Array.from({ length: 12 }, () => 0xff)],
    ['a length beyond the end', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a part that is longer than the whole', [0x0a, 0x02, 0x22, 0x05, 0, 0, 0, 0, 0]],
    ['a cut double', [0x09, 1, 2, 3]],
  ])('is refused: %s', (_, bytes) => {
    expect(() => readCheckRequest(Buffer.from(bytes), FILTER)).toThrow(RangeError);
  });

  it('takes nothing for the value of a header in the map but its value', () => {
    const bytes = Buffer.from(checkRequestBytes({ headers: { 'x-user-id': 'alice' } }));
    const value = bytes.indexOf('alice') - 2;
    expect(bytes[value]).toBe(0x12);
    bytes[value] = 0x1a;
    expect(readCheckRequest(bytes, FILTER).headers).toEqual([['x-user-id', '']]);
  });

  it('skips every kind of field that it does not know', () => {
    const unknown = Buffer.from([0x78, 0x96, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 0x02, 9, 9, 0x7d, 1, 2, 3, 4]);
    expect(readCheckRequest(unknown, FILTER)).toMatchObject({ hasHttp: false });
  });
});

describe('a struct', () => {
  const bytesOf = (json: JsonObject) => {
    const message = create(CheckRequestSchema, {
      attributes: { metadataContext: { filterMetadata: { [FILTER]: json } } },
    });
    return readCheckRequest(toBinary(CheckRequestSchema, message), FILTER).metadata ?? new Uint8Array();
  };

  it('has no prototype, and __proto__ is a key like any other', () => {
    const json = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}') as JsonObject;
    const struct = readStruct(bytesOf(json));
    expect(Object.getPrototypeOf(struct)).toBeNull();
    expect(Object.keys(struct).toSorted()).toEqual(['__proto__', 'constructor']);
    expect(struct['admin']).toBeUndefined();
  });

  it('is refused when it is deep', () => {
    const nest = (depth: number): JsonObject => (depth === 0 ? {} : { a: nest(depth - 1) });
    expect(() => readStruct(bytesOf(nest(16)))).not.toThrow();
    expect(() => readStruct(bytesOf(nest(17)))).toThrow('too deep');
    const lists = (depth: number): JsonObject['x'] => (depth === 0 ? 1 : [lists(depth - 1) ?? null]);
    expect(() => readStruct(bytesOf({ a: lists(17) ?? null }))).toThrow('too deep');
  });

  it.each([
    ['a key twice', [0x0a, 0x07, 0x0a, 1, 0x61, 0x12, 2, 0x20, 1, 0x0a, 0x07, 0x0a, 1, 0x61, 0x12, 2, 0x20, 0]],
    ['no value', [0x0a, 0x03, 0x0a, 1, 0x61]],
    ['a value of no kind', [0x0a, 0x05, 0x0a, 1, 0x61, 0x12, 0]],
  ])('is refused with %s', (_, bytes) => {
    expect(() => readStruct(Buffer.from(bytes))).toThrow(RangeError);
  });

  it('is what the generated decoder makes of it', () => {
    const json = { a: [1, 'x', null, true, { b: [] }], c: 1e300, d: '', e: false, f: -0.5 };
    expect(plain(readStruct(bytesOf(json)))).toEqual(json);
    expect(StructSchema.typeName).toBe('google.protobuf.Struct');
  });
});
