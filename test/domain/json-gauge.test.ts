import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createJsonGauge } from '../../src/domain/json-gauge.ts';

const { POSITIVE_INFINITY: UNBOUNDED } = Number;

function childrenOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function depthOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? 1 + Math.max(0, ...childrenOf(value).map(depthOf)) : 0;
}

/** Members and elements; of an array or object that has none, itself. */
function countIn(value: unknown): number {
  const children = childrenOf(value);
  const own = typeof value === 'object' && value !== null ? Math.max(1, children.length) : 0;
  return children.reduce<number>((sum, child) => sum + countIn(child), own);
}

it('takes JSON that is no deeper and has no more values, and no other, however it is cut into chunks', () => {
  const text = fc.json({ maxDepth: 6 }).map((json) => JSON.stringify(JSON.parse(json)));
  fc.assert(
    fc.property(
      text,
      fc.nat(6),
      fc.nat(12),
      fc.integer({ min: 1, max: 7 }),
      (json, maxDepth, maxValues, chunkBytes) => {
        const tooDeep = createJsonGauge({ maxDepth, maxValues: UNBOUNDED });
        const tooMany = createJsonGauge({ maxDepth: UNBOUNDED, maxValues });
        const bytes = Buffer.from(json);
        const results: unknown[] = [];
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          const chunk = bytes.subarray(at, at + chunkBytes);
          results.push(tooDeep(chunk), tooMany(chunk));
        }
        const value: unknown = JSON.parse(json);
        expect(results.includes('maxDepth')).toBe(depthOf(value) > maxDepth);
        expect(results.includes('maxValues')).toBe(countIn(value) > maxValues);
      },
    ),
  );
});

it.each([
  ['brackets in a string', String.raw`["[[[[{{{{"]`, undefined],
  ['a quote in a string', String.raw`["\"[[[["]`, undefined],
  ['a backslash before the end of a string', String.raw`["\\",[[[["]`, 'maxDepth'],
  ['what never ends', '[[[[', 'maxDepth'],
  ['commas in a string', '["a,,,,,,,,b"]', undefined],
  ['commas alone', '[,,,,,,,,,', 'maxValues'],
])('counts %s as a parser does', (_, text, exceeded) => {
  expect(createJsonGauge({ maxDepth: 2, maxValues: 8 })(Buffer.from(text))).toBe(exceeded);
});
