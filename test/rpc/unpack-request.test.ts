import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createReceiveBudget } from '../../src/calls/receive-budget.ts';
import { createUnpackRequest } from '../../src/rpc/unpack-request.ts';

const MAX_MESSAGE_BYTES = 512 * 1024;
const TEXT = Buffer.from('a request');

function setUp() {
  let nowMs = 0;
  const budget = createReceiveBudget(
    { collect: () => undefined, stopwatchMs: () => nowMs },
    { maxBytes: 2 * MAX_MESSAGE_BYTES },
  );
  return {
    unpack: createUnpackRequest(budget, { maxMessageBytes: MAX_MESSAGE_BYTES }),
    pass: (ms: number): void => void (nowMs += ms),
  };
}

it.each([
  ['what is packed', gzipSync(TEXT), TEXT],
  ['what is not, as it is', TEXT, TEXT],
  ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ['nothing, packed', gzipSync(''), Buffer.alloc(0)],
])('takes %s', (_, request, expected) => {
  expect(setUp().unpack(request)).toEqual(expected);
});

it('refuses what is too long, and what is no gzip', () => {
  const { unpack, pass } = setUp();
  expect(() => unpack(gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1)))).toThrow('overloaded');
  pass(60_000);
  expect(() => unpack(gzipSync(TEXT).subarray(0, -1))).toThrow('request: is not valid gzip');
});

it.each([
  ['what is taken', MAX_MESSAGE_BYTES],
  ['what is refused', 100 * MAX_MESSAGE_BYTES],
])('unpacks no more for a while after much of %s, and then again', (_, bytes) => {
  const { unpack, pass } = setUp();
  const large = gzipSync(Buffer.alloc(bytes));
  const attempts = Array.from({ length: 10 }, () => {
    try {
      return unpack(large).length === bytes;
    } catch {
      return false;
    }
  });
  expect(attempts.filter(Boolean).length).toBeLessThan(4);
  expect(() => unpack(gzipSync(TEXT))).toThrow('overloaded');
  pass(10_000);
  expect(unpack(gzipSync(TEXT))).toEqual(TEXT);
});
