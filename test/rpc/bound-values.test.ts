import type { DescMessage, Message } from '@bufbuild/protobuf';
import { create, fromBinary, ScalarType, toBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import {
  AuthorizationService,
  BatchCheckTaskRequestSchema,
  CheckTaskRequestSchema,
  FilterReadableTasksRequestSchema,
  LegacyAnswer,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { boundValues, maxValuesOf } from '../../src/rpc/bound-values.ts';

const bytesOf = (hex: string, times: number): Buffer => Buffer.alloc(times * (hex.length / 2), hex, 'hex');
const id = 'x'.repeat(64);

const LARGEST: readonly [string, DescMessage, Message][] = [
  [
    'a list of 10,000 resources',
    FilterReadableTasksRequestSchema,
    create(FilterReadableTasksRequestSchema, {
      resources: Array.from({ length: 10_000 }, () => ({ type: 'message', key: { case: 'id', value: id } as const })),
    }),
  ],
  [
    'a batch of 1,000 checks with all that a check may have',
    BatchCheckTaskRequestSchema,
    create(BatchCheckTaskRequestSchema, {
      checks: Array.from({ length: 1_000 }, () => ({
        resource: { type: 'message', key: { case: 'id', value: id } as const },
        operation: Operation.READ,
        consistency: { requirement: { case: 'atLeastAsFresh', value: id } as const },
        createIfAbsent: true,
        parent: { type: 'task', key: { case: 'id', value: id } as const },
        legacyAnswer: LegacyAnswer.ALLOWED,
      })),
    }),
  ],
];

it.each(LARGEST)('takes %s', (_, schema, message) => {
  const bytes = toBinary(schema, message);
  expect(bytes.length).toBeGreaterThan(maxValuesOf(schema) * 2);
  expect(() => boundValues(schema, bytes)).not.toThrow();
});

/** The most, and one too many. */
const AT_BOUNDS: readonly [string, DescMessage, Buffer, Buffer][] = [
  ['principals', CheckTaskRequestSchema, bytesOf('0a00', 1_000), bytesOf('0a00', 1_001)],
  ['unknown fields', CheckTaskRequestSchema, bytesOf('78ff01', 1_000), bytesOf('78ff01', 1_001)],
  ['resources', FilterReadableTasksRequestSchema, bytesOf('1200', 40_000), bytesOf('1200', 40_001)],
  ['types of one resource', FilterReadableTasksRequestSchema, within('0a00', 39_999), within('0a00', 40_000)],
];

/** One resource with so many fields. */
function within(hex: string, times: number): Buffer {
  const length = 2 * times;
  return Buffer.concat([
    Buffer.from([0x12, 0x80 | (length & 0x7f), 0x80 | ((length >> 7) & 0x7f), length >> 14]),
    bytesOf(hex, times),
  ]);
}

it.each(AT_BOUNDS)(
  'takes as many %s as there may be, and not one more, though it could be decoded',
  (_, schema, most, more) => {
    for (const bytes of [most, more]) expect(() => fromBinary(schema, bytes)).not.toThrow();
    expect(() => boundValues(schema, most)).not.toThrow();
    expect(() => boundValues(schema, more)).toThrow(`request: must have at most ${maxValuesOf(schema)} values`);
  },
);

it.each([
  ['a text that is a group', '0b'],
  ['a message that is a number', '0801'],
  ['a number that is a text', '1a0101'],
  ['one that is cut', '0a7f'],
])('refuses %s, of which a decoder may see other values', (_, hex) => {
  const bytes = Buffer.concat([bytesOf('78ff01', 900), Buffer.from(hex, 'hex')]);
  expect(() => boundValues(CheckTaskRequestSchema, bytes)).toThrow(
    'request: is not a valid taskgate.v1.CheckTaskRequest',
  );
});

it('knows every kind of field that a request has', () => {
  const kinds = new Set<string>();
  const add = (message: DescMessage): void => {
    for (const field of message.fields) {
      if (field.message === undefined) kinds.add(`${field.fieldKind} ${ScalarType[field.scalar ?? 0] ?? 'enum'}`);
      else add(field.message);
    }
  };
  for (const { input } of AuthorizationService.methods) add(input);
  expect([...kinds].toSorted()).toEqual(['enum enum', 'scalar BOOL', 'scalar INT32', 'scalar STRING']);
});
