import { once } from 'node:events';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { expect, inject, test, vi } from 'vitest';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import { guardReplies } from '../../src/parents/reply-guard.ts';

const MAX_BYTES = 64;
const MEBIBYTE = 1_048_576;
const SOON = { timeout: 15_000, interval: 20 };

/** Gives the guard the bytes in pieces of `size`. @returns why it ended the connection, or undefined. */
function feed(bytes: Buffer, size: number): string | undefined {
  let listener: (chunk: Buffer) => void = () => undefined;
  let refusal: string | undefined;
  guardReplies(
    { on: (_event, heard) => (listener = heard), destroy: (error) => (refusal ??= error.message) },
    { maxValueBytes: () => MAX_BYTES },
  );
  for (let at = 0; at < bytes.length; at += size) listener(bytes.subarray(at, at + size));
  return refusal;
}

/** Anything may stand in a value: line feeds, and what looks like the length of another. */
const body = fc.oneof(
  fc.uint8Array({ maxLength: MAX_BYTES }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('', '\r\n', '$999999\r\n', '\n$99999999\r\n', '!5000\r\n').map((text) => Buffer.from(text)),
);
const blob = fc
  .tuple(fc.constantFrom('$', '=', '!'), body)
  .map(([type, bytes]) => Buffer.concat([Buffer.from(`${type}${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]));
const line = fc
  .constantFrom('+OK', '-ERR no', ':12', '$-1', '*2', '*-1', '%1', '~3', '>2', '_', '#t', ',1.5', '(12345678901')
  .map((text) => Buffer.from(`${text}\r\n`));
const replies = fc.array(fc.oneof(blob, line), { maxLength: 12 }).map((parts) => Buffer.concat(parts));
const size = fc.integer({ min: 1, max: 40 });

test('lets every reply through, however it is cut', () => {
  fc.assert(
    fc.property(replies, size, (bytes, each) => {
      expect(feed(bytes, each)).toBeUndefined();
    }),
  );
});

test('ends the connection at the length of a value that is too long, wherever it stands', () => {
  const tooLong = fc
    .tuple(fc.constantFrom('$', '=', '!'), fc.integer({ min: MAX_BYTES + 1, max: 2 ** 40 }))
    .map(([type, length]) => Buffer.from(`${type}${length}\r\n`));
  fc.assert(
    fc.property(replies, tooLong, size, (before, bytes, each) => {
      expect(feed(Buffer.concat([before, bytes]), each)).toMatch(/^Redis sent a value of \d+ bytes/);
    }),
  );
});

test.each([
  ['a length that is none', '$?\r\n'],
  ['a line that does not end', '+'.padEnd(MAX_BYTES * 2, 'x')],
])('ends the connection at %s', (_, text) => {
  expect(feed(Buffer.from(text), 7)).toMatch(/^Redis sent/);
});

test('a client receives next to nothing of a value that is too long, and connects again', async () => {
  const attacker = new Redis(inject('redisUrl'));
  const key = 'test-reply-guard';
  await attacker.set(key, Buffer.alloc(64 * MEBIBYTE, 'x'));
  const errors: string[] = [];
  const client = createRedisClient(
    { mode: 'single', url: inject('redisUrl'), tls: false, timeoutMs: 5_000 },
    ({ message }) => void errors.push(message),
  );
  if (!(client instanceof Redis)) throw new Error('not a single Redis');
  try {
    await once(client, 'ready');
    const { stream } = client;
    await expect(client.mgetBuffer([key, 'another'])).rejects.toThrow(/./);
    await vi.waitFor(() => expect(stream.destroyed).toBe(true), SOON);
    expect(stream.bytesRead).toBeLessThan(MEBIBYTE);
    expect(errors).toEqual([`Redis sent a value of ${64 * MEBIBYTE} bytes, more than 4096 bytes`]);
    await vi.waitFor(async () => expect(await client.getBuffer('another')).toBeNull(), SOON);
  } finally {
    client.disconnect();
    await attacker.del(key);
    attacker.disconnect();
  }
});
