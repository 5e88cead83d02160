import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createReceiveBudget, UNPACKED_WEIGHT } from '../../src/calls/receive-budget.ts';
import { DeadlineExceededError } from '../../src/domain/errors.ts';
import { createUnpackRequest } from '../../src/rpc/unpack-request.ts';

const MAX_MESSAGE_BYTES = 512 * 1024;
const TEXT = Buffer.from('a request');
const TEXT_PACKED = gzipSync(TEXT);

function setUp({ maxBytes = 16 * MAX_MESSAGE_BYTES, stopwatchMs = (): number => performance.now() } = {}) {
  const budget = createReceiveBudget({ collect: () => undefined, stopwatchMs }, { maxBytes });
  const unpack = createUnpackRequest(budget, { maxMessageBytes: MAX_MESSAGE_BYTES });
  const call = new AbortController();
  return { budget, call, unpack: async (request: Buffer) => unpack(request, call) };
}

it.each([
  ['what is packed', TEXT_PACKED, TEXT],
  ['what is not, as it is', TEXT, TEXT],
  ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ['nothing, packed', gzipSync(''), Buffer.alloc(0)],
  ['the longest', gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES, 'x')), Buffer.alloc(MAX_MESSAGE_BYTES, 'x')],
])('takes %s', async (_, request, expected) => {
  expect((await setUp().unpack(request)).equals(expected)).toBe(true);
});

it('makes nobody wait for what is not packed', () => {
  const unpack = createUnpackRequest(setUp().budget, { maxMessageBytes: MAX_MESSAGE_BYTES });
  expect(unpack(TEXT, new AbortController())).toBe(TEXT);
});

it('refuses what is too long, and what is no gzip', async () => {
  const { unpack } = setUp();
  await expect(unpack(gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1)))).rejects.toThrow('overloaded');
  await expect(unpack(TEXT_PACKED.subarray(0, -1))).rejects.toThrow('request: is not valid gzip');
});

it('unpacks at its pace', async () => {
  const { unpack } = setUp();
  const large = gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES));
  const startedAtMs = performance.now();
  await Promise.all([unpack(large), unpack(large)]);
  // 8 KiB in a millisecond, after 1 MiB at once.
  const atOnceMs = 128;
  const leastMs = (2 * MAX_MESSAGE_BYTES * UNPACKED_WEIGHT) / (8 * 1024) - atOnceMs;
  expect(performance.now() - startedAtMs).toBeGreaterThan(leastMs * 0.9);
});

it('unpacks no more while too much is behind its pace, and then again', async () => {
  let nowMs = 0;
  const { unpack, budget } = setUp({ stopwatchMs: () => nowMs });
  budget.pace(10 * 1024 * 1024);
  await expect(unpack(TEXT_PACKED)).rejects.toThrow('overloaded');
  nowMs += 10_000;
  expect(await unpack(TEXT_PACKED)).toEqual(TEXT);
});

it('holds no more than may be held, and gives it back', async () => {
  const { unpack, budget } = setUp({ maxBytes: 256 * 1024 });
  await expect(unpack(gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES)))).rejects.toThrow('overloaded');
  let hasEnded = false;
  const holding = budget.hold(() => (hasEnded = true));
  holding.add(256 * 1024);
  expect(hasEnded).toBe(false);
});

it('ends with its call, though it waits', async () => {
  const { unpack, call } = setUp();
  const unpacking = unpack(gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES)));
  setTimeout(() => call.abort(new DeadlineExceededError()), 50);
  const startedAtMs = performance.now();
  await expect(unpacking).rejects.toThrow(DeadlineExceededError);
  expect(performance.now() - startedAtMs).toBeLessThan(300);
});
