import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ParentKey } from '../../src/authorize/ports.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';

/** What could stand between the parts of a key, and what looks like a length or a `by` of one. */
const delimiter = fc.constantFrom('', ':', '#', '@', '|', '/', '*', '\n', '%', '\0', '1', '4:', ':i', ':n');
const segment = fc.constantFrom(
  '',
  'a',
  'task',
  '4:task',
  '1',
  '14',
  'i',
  'n',
  'k',
  'K',
  '\u212A',
  'é',
  'e\u0301',
  '*',
);

/** Two keys that are cut from one text at different places: random ones would hardly ever meet. */
const keysOfOneText = fc
  .record({
    delimiter,
    segments: fc.array(segment, { minLength: 3, maxLength: 7 }),
    by: fc.constantFrom('id' as const, 'name' as const),
    cuts: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
  })
  .map(({ delimiter: joint, segments, by, cuts: [a, b, c, d] }) => {
    const cut = (one: number, other: number): ParentKey => {
      const first = 1 + (one % (segments.length - 2));
      const second = first + 1 + (other % (segments.length - first - 1));
      return {
        type: segments.slice(0, first).join(joint),
        parentType: segments.slice(first, second).join(joint),
        value: segments.slice(second).join(joint),
        by,
      };
    };
    return [cut(a, b), cut(c, d)] as const;
  });

// OpenFGA CVE-2026-48096.
test('no part of a key reaches into the next, whatever delimiter it holds', () => {
  fc.assert(
    fc.property(keysOfOneText, ([a, b]) => {
      const isSame = a.type === b.type && a.value === b.value && a.parentType === b.parentType;
      expect(toParentKeyText(a) === toParentKeyText(b)).toBe(isSame);
    }),
    { numRuns: 10_000 },
  );
});

test.each<[string, ParentKey, ParentKey]>([
  [
    'a delimiter in the type',
    { type: 'a:b', parentType: 'c', by: 'id', value: 'v' },
    { type: 'a', parentType: 'b:c', by: 'id', value: 'v' },
  ],
  [
    'a `by` in the value',
    { type: 'a', parentType: 'b', by: 'id', value: 'nv' },
    { type: 'a', parentType: 'bi', by: 'name', value: 'v' },
  ],
  [
    'a length in the type',
    { type: '1', parentType: '1:1', by: 'id', value: 'v' },
    { type: '1:1', parentType: '1', by: 'id', value: 'v' },
  ],
  [
    'an id that is also a name',
    { type: 'a', parentType: 'a', by: 'id', value: 'v' },
    { type: 'a', parentType: 'a', by: 'name', value: 'v' },
  ],
  [
    'two parent types of one child',
    { type: 'a', parentType: 'b', by: 'id', value: 'v' },
    { type: 'a', parentType: 'c', by: 'id', value: 'v' },
  ],
])('%s makes another key', (_, a, b) => {
  expect(toParentKeyText(a)).not.toBe(toParentKeyText(b));
});
