import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDepthGauge } from '../../src/domain/json-depth.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

it('takes JSON that is no deeper, and no other, however it is cut into chunks', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.nat(6), fc.integer({ min: 1, max: 7 }), (text, maxDepth, chunkBytes) => {
      const isShallow = createDepthGauge(maxDepth);
      const bytes = Buffer.from(text);
      const results: boolean[] = [];
      for (let at = 0; at < bytes.length; at += chunkBytes)
        results.push(isShallow(bytes.subarray(at, at + chunkBytes)));
      expect(results.every(Boolean)).toBe(depthOf(JSON.parse(text)) <= maxDepth);
    }),
  );
});

it.each([
  ['brackets in a string', String.raw`["[[[[{{{{"]`, true],
  ['a quote in a string', String.raw`["\"[[[["]`, true],
  ['a backslash before the end of a string', String.raw`["\\",[[[["]`, false],
  ['what never ends', '[[[[', false],
])('counts %s as a parser does', (_, text, isShallow) => {
  expect(createDepthGauge(2)(Buffer.from(text))).toBe(isShallow);
});
