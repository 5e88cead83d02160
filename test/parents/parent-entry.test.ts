import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CacheableResult, KeyRing } from '../../src/parents/parent-entry.ts';
import { decodeParentEntry, encodeParentEntry } from '../../src/parents/parent-entry.ts';
import { KEY_RING } from './fixtures.ts';

const NOW = 1_800_000_000_000;
const LATER = NOW + 60_000;
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const result: fc.Arbitrary<CacheableResult> = fc.oneof(
  id.map((found) => ({ kind: 'found' as const, id: found })),
  fc.constant({ kind: 'absent' as const }),
);
const encode = (key: string, value: CacheableResult): Buffer =>
  encodeParentEntry(key, value, { keyRing: KEY_RING, expiresAtMs: LATER });
const decode = (bytes: Buffer, key: string, keyRing: KeyRing = KEY_RING, nowMs = NOW) =>
  decodeParentEntry(bytes, key, { keyRing, nowMs });

describe('an entry', () => {
  test('comes back as it went in', () => {
    fc.assert(
      fc.property(id, result, (key, value) => {
        expect(decode(encode(key, value), key)).toEqual({ kind: 'hit', result: value, expiresAtMs: LATER });
      }),
    );
  });

  test('is a miss with any one bit flipped, cut short or made longer', () => {
    fc.assert(
      fc.property(id, result, fc.nat(), fc.integer({ min: 0, max: 7 }), (key, value, at, bit) => {
        const bytes = encode(key, value);
        const flipped = Buffer.from(bytes);
        const index = at % bytes.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        expect(decode(flipped, key).kind).toBe('miss');
        expect(decode(bytes.subarray(0, at % bytes.length), key).kind).toBe('miss');
        expect(decode(Buffer.concat([bytes, Buffer.from([at % 256])]), key).kind).toBe('miss');
      }),
    );
  });

  test('is a miss under any other key', () => {
    fc.assert(
      fc.property(id, id, result, (key, other, value) => {
        fc.pre(key !== other);
        expect(decode(encode(key, value), other)).toEqual({ kind: 'miss', reason: 'bad_signature' });
      }),
    );
  });

  test('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(Buffer.from(bytes), 'key').kind).toBe('miss');
        expect(decode(Buffer.concat([Buffer.from([1, 3]), Buffer.from('now'), bytes]), 'key').kind).toBe('miss');
      }),
    );
  });

  test('is a miss when its time is up', () => {
    const bytes = encode('key', { kind: 'found', id: 'task-1' });
    expect(decode(bytes, 'key', KEY_RING, LATER - 1).kind).toBe('hit');
    expect(decode(bytes, 'key', KEY_RING, LATER)).toEqual({ kind: 'miss', reason: 'expired' });
  });

  test('verifies with every key of the ring, and is signed with the first', () => {
    const [now] = KEY_RING;
    const next = { id: 'next', secret: 'the secret that comes after now!' };
    const old = encode('key', { kind: 'found', id: 'task-1' });
    expect(decode(old, 'key', [next, now]).kind).toBe('hit');
    expect(decode(old, 'key', [next])).toEqual({ kind: 'miss', reason: 'unknown_key' });
    const rotated = encodeParentEntry('key', { kind: 'absent' }, { keyRing: [next, now], expiresAtMs: LATER });
    expect(decode(rotated, 'key', [now])).toEqual({ kind: 'miss', reason: 'unknown_key' });
    expect(decode(rotated, 'key', [{ ...next, secret: now.secret }])).toEqual({
      kind: 'miss',
      reason: 'bad_signature',
    });
  });
});
