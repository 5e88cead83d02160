import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CacheableResult } from '../../src/parents/parent-entry.ts';
import { decodeParentEntry, encodeParentEntry } from '../../src/parents/parent-entry.ts';
import { KEY_RING } from './fixtures.ts';

const NOW = 1_800_000_000_000;
const KEY = '7:message4:taskim-1';
const FOUND: CacheableResult = { kind: 'found', id: 'task-1' };
const encode = (expiresAtMs: number, result: CacheableResult = FOUND, keyRing = KEY_RING): Buffer =>
  encodeParentEntry(KEY, result, { keyRing, expiresAtMs });
const decode = (bytes: Buffer, key = KEY, keyRing = KEY_RING) => decodeParentEntry(bytes, key, { keyRing, nowMs: NOW });

test.each<[string, CacheableResult]>([
  ['a found parent', FOUND],
  ['an absence', { kind: 'absent' }],
])('every single bit of %s counts', (_, result) => {
  const bytes = encode(NOW + 60_000, result);
  expect(decode(bytes)).toMatchObject({ kind: 'hit', result });
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(decode(flipped), `bit ${bit}`).toMatchObject({ kind: 'miss' });
  }
});

test('every shorter entry, and every longer one, is a miss', () => {
  const bytes = encode(NOW + 60_000);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(decode(bytes.subarray(0, length)), `${length} bytes`).toMatchObject({ kind: 'miss' });
    expect(decode(bytes.subarray(bytes.length - length)), `last ${length} bytes`).toMatchObject({ kind: 'miss' });
  }
  expect(decode(Buffer.concat([bytes, bytes]))).toMatchObject({ kind: 'miss' });
});

test('an expiry, however absurd, is a hit before it and a miss after, and never an error', () => {
  const expiry = fc.oneof(
    fc.constantFrom(0, 1, NOW - 1, NOW, NOW + 1, Number.MAX_SAFE_INTEGER, 2 ** 63, 2 ** 64 - 2 ** 12),
    fc.double({ min: 0, max: 2 ** 63, noNaN: true }),
  );
  fc.assert(
    fc.property(expiry, (expiresAtMs) => {
      const expected =
        Math.trunc(expiresAtMs) > NOW ? { kind: 'hit', result: FOUND } : { kind: 'miss', reason: 'expired' };
      expect(decode(encode(expiresAtMs))).toMatchObject(expected);
    }),
  );
});

test('an absence is not made of a found entry, nor a parent of an absence, by moving the boundary of the key', () => {
  const keyRing = [{ id: 'a', secret: 'one secret for both, 32 letters.' }] as const;
  const bytes = encode(NOW + 60_000, FOUND, keyRing);
  for (const key of [KEY.slice(0, -1), `${KEY}1`, `1${KEY}`, '', `${KEY.length}:${KEY}`]) {
    expect(decode(bytes, key, keyRing)).toEqual({ kind: 'miss', reason: 'bad_signature' });
  }
});
