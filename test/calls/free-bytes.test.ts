import { expect, it } from 'vitest';
import { freeBytes } from '../../src/calls/free-bytes.ts';

const BYTES = 64 * 1024;

it('gives memory back at once', () => {
  const before = process.memoryUsage().arrayBuffers;
  const many = Array.from({ length: 256 }, () => Buffer.alloc(BYTES, 'x'));
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(250 * BYTES);
  for (const bytes of many) freeBytes(bytes);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * BYTES);
  expect(many.map(({ length }) => length)).toEqual(many.map(() => 0));
});

it.each([
  ['a part of others', Buffer.alloc(2 * BYTES, 'x').subarray(0, BYTES)],
  ['what comes from the pool', Buffer.from('x'.repeat(100))],
])('leaves %s as it is', (_what, bytes) => {
  const text = bytes.toString();
  freeBytes(bytes);
  expect(bytes.toString()).toBe(text);
});
