import { v1 } from '@authzed/authzed-node';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CheckedRelationships, RelationshipCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import type { BulkItems } from '../../src/relationships/bulk-items.ts';
import { toBulkRequest, writeCheckItems } from '../../src/relationships/bulk-items.ts';
import { parseBulkAnswer } from '../../src/relationships/spicedb-answers.ts';
import { toCheckItem } from '../../src/relationships/spicedb-requests.ts';
import { taskCheck } from '../support/spicedb.ts';

const { HAS_PERMISSION, NO_PERMISSION, CONDITIONAL_PERMISSION } = v1.CheckPermissionResponse_Permissionship;
const { CheckBulkPermissionsRequest, CheckBulkPermissionsRequestItem, CheckBulkPermissionsResponse } = v1;

/** Lengths on both sides of where a length takes a second byte, and characters that are escaped or take more bytes. */
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.nat({ max: 300 }).map((length) => 'x'.repeat(length + 1)),
);
const name = fc.constantFrom('task', 'agent', 'read', 'a_name_of_more_than_thirty_two_characters');
const object: fc.Arbitrary<RelationshipObject> = fc.oneof(
  fc.record({ kind: fc.constant('resource'), type: name, id }),
  fc.record({ kind: fc.constant('tenant'), account: id }),
  fc.record({ kind: fc.constant('sentinel'), type: name, index: fc.nat() }),
);
const principal = fc.record({ kind: fc.constantFrom(...PRINCIPAL_KINDS), id, account: id });
/** Neighbours share their principal, or their permission, or both, or neither. */
const checks: fc.Arbitrary<RelationshipCheck[]> = fc
  .array(principal, { minLength: 2, maxLength: 2 })
  .chain((principals) =>
    fc.array(fc.record({ object, permission: name, principal: fc.constantFrom(...principals) }), {
      minLength: 1,
      maxLength: 20,
    }),
  );

function itemsOf(asked: readonly RelationshipCheck[]): v1.CheckBulkPermissionsRequestItem[] {
  return asked.map(toCheckItem);
}

function writeOne(asked: readonly RelationshipCheck[]): BulkItems {
  const [bulk] = writeCheckItems(asked);
  return bulk;
}

/** What SpiceDB answers, by the generated codec. */
function answerTo(
  asked: readonly RelationshipCheck[],
  permissionshipOf: (index: number) => v1.CheckPermissionResponse_Permissionship = () => HAS_PERMISSION,
): Buffer {
  const pairs = itemsOf(asked).map((request, index): v1.CheckBulkPermissionsPair => ({
    request,
    response: { oneofKind: 'item', item: { permissionship: permissionshipOf(index) } },
  }));
  return Buffer.from(CheckBulkPermissionsResponse.toBinary({ checkedAt: { token: 'revision-1' }, pairs }));
}

/** What the fields of a pair are, in any order and with anything else among them. */
function answerOfPairs(pairs: readonly (readonly Uint8Array[])[]): Buffer {
  const writer = new BinaryWriter();
  for (const fields of pairs) writer.tag(2, WireType.LengthDelimited).bytes(Buffer.concat(fields));
  const token = v1.ZedToken.toBinary({ token: 'revision-1' });
  return Buffer.from(writer.tag(1, WireType.LengthDelimited).bytes(token).finish());
}

function field(number: number, value: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(value).finish();
}

describe('items', () => {
  test('are the bytes that the generated codec writes', () => {
    fc.assert(
      fc.property(checks, (asked) => {
        const bulks = writeCheckItems(asked);
        const expected = CheckBulkPermissionsRequest.toBinary({ items: itemsOf(asked), withTracing: false });
        expect(Buffer.concat(bulks.map(({ bytes }) => bytes)).equals(expected)).toBe(true);
        expect(bulks.map(({ count }) => count)).toEqual([asked.length]);
      }),
    );
  });

  test('make a request with a consistency', () => {
    const asked = [taskCheck('task-1'), taskCheck('task-2', { user: 'bob' })];
    const consistency: v1.Consistency = { requirement: { oneofKind: 'fullyConsistent', fullyConsistent: true } };
    const request = CheckBulkPermissionsRequest.fromBinary(toBulkRequest(writeOne(asked), consistency));
    expect(request).toEqual({ consistency, items: itemsOf(asked), withTracing: false });
  });

  test.each([
    { name: 'more items than SpiceDB takes', count: 10_001, idLength: 10 },
    { name: 'more bytes than a gRPC server takes', count: 4_000, idLength: 1_024 },
  ])('of $name become several bulks, in order', ({ count, idLength }) => {
    const asked = Array.from({ length: count }, (_, index) => taskCheck(`${index}`.padStart(idLength, '0')));
    const bulks = writeCheckItems(asked);
    const read = bulks.map(({ bytes }) => CheckBulkPermissionsRequest.fromBinary(bytes).items);
    expect(read.flat()).toEqual(itemsOf(asked));
    expect(bulks.map((bulk) => bulk.count)).toEqual(read.map((items) => items.length));
    expect(Math.max(...bulks.map((bulk) => bulk.count))).toBeLessThan(10_000);
    expect(Math.max(...bulks.map(({ bytes }) => bytes.length))).toBeLessThan(4_000_000);
  });
});

describe('the answer to a bulk', () => {
  const asked = [taskCheck('task-1'), taskCheck('task-2'), taskCheck('task-3', { account: 'globéx' })];
  const held = { results: asked.map(() => ({ kind: 'held' })), checkedAt: 'revision-1' };
  const requests = itemsOf(asked).map((item) => CheckBulkPermissionsRequestItem.toBinary(item));
  const HELD = Uint8Array.of(8, HAS_PERMISSION);
  const DENIED = Uint8Array.of(8, NO_PERMISSION);

  test('says of each item what the generated codec writes', () => {
    const permissionships = [HAS_PERMISSION, NO_PERMISSION, CONDITIONAL_PERMISSION];
    fc.assert(
      fc.property(checks, fc.infiniteStream(fc.constantFrom(...permissionships)), (many, stream) => {
        const said = many.map(() => stream.next().value);
        const { results } = parseBulkAnswer(
          writeOne(many),
          answerTo(many, (index) => said[index]),
        );
        expect(results).toEqual(said.map((one) => ({ kind: one === HAS_PERMISSION ? 'held' : 'denied' })));
      }),
    );
  });

  const equivalent: readonly { name: string; pairOf: (request: Uint8Array) => readonly Uint8Array[] }[] = [
    { name: 'the answer before the item', pairOf: (request) => [field(2, HELD), field(1, request)] },
    { name: 'a field that is not known', pairOf: (request) => [field(1, request), field(2, HELD), field(9, HELD)] },
    {
      name: 'a field of the item that is not known',
      pairOf: (request) => [field(1, Buffer.concat([request, field(9, HELD)])), field(2, HELD)],
    },
    {
      name: 'the item in two halves',
      pairOf: (request) => [field(1, request), field(1, new Uint8Array()), field(2, HELD)],
    },
    {
      name: 'two answers, of which the last counts',
      pairOf: (request) => [field(1, request), field(2, DENIED), field(2, HELD)],
    },
    {
      name: 'a number longer than it need be',
      pairOf: (request) => [field(1, request), field(2, Uint8Array.of(8, 0x82, 0))],
    },
  ];

  test.each(equivalent)('is understood with $name', ({ pairOf }) => {
    expect(parseBulkAnswer(writeOne(asked), answerOfPairs(requests.map(pairOf)))).toEqual(held);
  });

  test.each([
    { name: 'cut off', answer: answerTo(asked).subarray(0, -1) },
    { name: 'longer than it says', answer: Buffer.concat([answerTo(asked), Buffer.of(0x12)]) },
    {
      name: 'of a length that there is not',
      answer: Buffer.concat([answerTo(asked), Buffer.of(0x12, 0xff, 0xff, 0xff, 0xff, 0xf)]),
    },
    { name: 'no message', answer: Buffer.alloc(64, 0xff) },
    { name: 'empty', answer: Buffer.alloc(0) },
  ])('that is $name is neither an allow nor a denial', ({ answer }) => {
    expect(() => parseBulkAnswer(writeOne(asked), answer)).toThrow(UnavailableError);
  });

  test('is never taken for more than the generated codec reads in it, whatever byte is changed', () => {
    const answer = answerTo(asked);
    for (let at = 0; at < answer.length; at += 1) {
      for (const byte of [0, 1, 2, 3, 8, 10, 18, 0x7f, 0x80, 0xff, (answer[at] ?? 0) ^ 1, (answer[at] ?? 0) ^ 0x80]) {
        const changed = Buffer.from(answer);
        changed[at] = byte;
        const parsed = parseOrRefuse(changed);
        if (parsed !== undefined) expect(parsed, `byte ${byte} at ${at}`).toEqual(readByGeneratedCodec(changed));
      }
    }
  });

  function parseOrRefuse(answer: Buffer): CheckedRelationships | undefined {
    try {
      return parseBulkAnswer(writeOne(asked), answer);
    } catch (error) {
      expect(error).toBeInstanceOf(UnavailableError);
      return undefined;
    }
  }

  /** An oracle that shares nothing with the parser: the whole answer as objects, each item compared with what was asked. */
  function readByGeneratedCodec(answer: Buffer): unknown {
    const { pairs, checkedAt } = CheckBulkPermissionsResponse.fromBinary(answer);
    expect(pairs.map(({ request }) => request?.resource)).toEqual(itemsOf(asked).map(({ resource }) => resource));
    expect(pairs.map(({ request }) => request?.subject)).toEqual(itemsOf(asked).map(({ subject }) => subject));
    expect(pairs.map(({ request }) => request?.permission)).toEqual(asked.map(({ permission }) => permission));
    expect(pairs.map(({ request }) => request?.context?.fields['account'])).toEqual(
      itemsOf(asked).map(({ context }) => context?.fields['account']),
    );
    const results = pairs.map(({ response }) => {
      if (response.oneofKind !== 'item') return { kind: 'failed', error: expect.anything() as unknown };
      return { kind: response.item.permissionship === HAS_PERMISSION ? 'held' : 'denied' };
    });
    return { results, checkedAt: checkedAt?.token };
  }
});
