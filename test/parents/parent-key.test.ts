import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ParentKey } from '../../src/authorize/ports.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';

/** Parts that look like lengths, delimiters and one another; NFC and NFD; the Kelvin sign and k. */
const part = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    '12',
    '1:',
    ':',
    '#',
    '@',
    '|',
    '/',
    '*',
    '\n',
    '%',
    'i',
    'n',
    'task',
    'tas',
    'k',
    'K',
    '\u212A',
    'é',
    'e\u0301',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.array(fc.constantFrom('1', '4', ':', 'i', 'n', 'task'), { maxLength: 6 }).map((parts) => parts.join('')),
);
const key: fc.Arbitrary<ParentKey> = fc.record({
  type: part,
  by: fc.constantFrom('id' as const, 'name' as const),
  value: part,
  parentType: part,
});

test('two keys have one text exactly when they are one key', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const isSame = a.type === b.type && a.by === b.by && a.value === b.value && a.parentType === b.parentType;
      expect(toParentKeyText(a) === toParentKeyText(b)).toBe(isSame);
    }),
    { numRuns: 5_000 },
  );
});

test('no text is the beginning of another type or parent', () => {
  const texts = ['task', 'tas', 'k', '1', ''].flatMap((type) =>
    ['task', 'k', '1'].flatMap((parentType) =>
      ['', 'k', 'task', '1'].map((value) => toParentKeyText({ type, by: 'id', value, parentType })),
    ),
  );
  expect(new Set(texts).size).toBe(texts.length);
});
