import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_IDENTIFIER_BYTES, identifierProblem } from '../../src/domain/identifier.ts';
import {
  escapeObjectId,
  isEscapableId,
  sentinelObjectId,
  unescapeObjectId,
} from '../../src/relationships/object-id.ts';

const SPICEDB_ID = /^[a-zA-Z0-9/_|\-=+]{1,1024}$/;

const id = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('=', '*', '2', 'A', 'a', '/', '|', '-', 'é', '\uFEFF', '🦜'),
    minLength: 1,
    maxLength: 12,
  }),
);
const wellFormedId = id.filter((value) => value.isWellFormed());

test.each([
  ['task-1', 'task-1'],
  ['a/b|c_d+e-f', 'a/b|c_d+e-f'],
  ['alice@example.com', 'alice=40example=2Ecom'],
  ['*', '=2A'],
  ['=', '=3D'],
  ['=2A', '=3D2A'],
  ['é', '=C3=A9'],
  ['\uFEFFa', '=EF=BB=BFa'],
  ['a b', 'a=20b'],
])('writes %j as %j, and back', (plain, escaped) => {
  expect(escapeObjectId(plain)).toBe(escaped);
  expect(unescapeObjectId(escaped)).toBe(plain);
});

test('writes every id in the alphabet of SpiceDB and reads it back', () => {
  fc.assert(
    fc.property(wellFormedId, (value) => {
      const escaped = escapeObjectId(value);
      expect(escaped).toMatch(SPICEDB_ID);
      expect(unescapeObjectId(escaped ?? '')).toBe(value);
    }),
  );
});

test('writes two ids alike only if they are the same', () => {
  fc.assert(
    fc.property(wellFormedId, wellFormedId, (a, b) => {
      expect(escapeObjectId(a) === escapeObjectId(b)).toBe(a === b);
    }),
  );
});

test('reads nothing but what it would have written', () => {
  const written = fc.string({ unit: fc.constantFrom('=', '2', 'A', 'a', 'F', '0', 'g', '*', '/'), maxLength: 10 });
  fc.assert(
    fc.property(written, (text) => {
      const read = unescapeObjectId(text);
      if (read !== undefined) expect(escapeObjectId(read)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});

test.each(['', '=', '=4', '=4g', '=2a', '=41', '=FF', '=C3', '=ED=A0=80', 'a*', 'a@b', 'a'.repeat(1025)])(
  'does not read %j',
  (text) => {
    expect(unescapeObjectId(text)).toBeUndefined();
  },
);

describe('the length', () => {
  test.each([
    ['a'.repeat(MAX_IDENTIFIER_BYTES), true],
    ['a'.repeat(MAX_IDENTIFIER_BYTES + 1), false],
    ['@'.repeat(341), true],
    ['@'.repeat(342), false],
    ['é'.repeat(170), true],
    ['é'.repeat(171), false],
  ])('is judged after escaping (%#)', (value, fits) => {
    expect(escapeObjectId(value) !== undefined).toBe(fits);
    expect(isEscapableId(value)).toBe(fits);
  });
});

test.each(['', '\uD800', 'a\uDC00'])('does not write %j', (value) => {
  expect(escapeObjectId(value)).toBeUndefined();
  expect(isEscapableId(value)).toBe(false);
});

test('writes every id that the domain lets in', () => {
  const fromOutside = fc.oneof(
    id,
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({ minLength: 300, maxLength: 1100 }),
  );
  fc.assert(
    fc.property(fromOutside, (value) => {
      if (identifierProblem(value) === undefined) expect(escapeObjectId(value)).toMatch(SPICEDB_ID);
      expect(isEscapableId(value)).toBe(identifierProblem(value) === undefined);
    }),
  );
});

test('a sentinel has an id that SpiceDB takes and that no id is written as', () => {
  for (const index of [0, 7, 63, 1_000_000]) {
    expect(sentinelObjectId(index)).toMatch(SPICEDB_ID);
    expect(unescapeObjectId(sentinelObjectId(index))).toBeUndefined();
  }
});
