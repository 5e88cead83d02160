import { expect, test } from 'vitest';
import { STOPWATCH } from '../../src/calls/stopwatch.ts';

const { signal } = new AbortController();

test('resolves no sooner than asked, to the fraction of a millisecond', async () => {
  for (const waitMs of [0.1, 0.9, 1.3, 2.6, 7.4]) {
    const atMs = STOPWATCH.nowMs() + waitMs;
    await STOPWATCH.reaches(atMs, signal);
    expect(STOPWATCH.nowMs()).toBeGreaterThanOrEqual(atMs);
  }
});

test('resolves at once for what has passed', async () => {
  await expect(STOPWATCH.reaches(STOPWATCH.nowMs() - 1, signal)).resolves.toBeUndefined();
});

test.each([0, 5])('resolves when the caller has gone, %d ms after it began', async (afterMs) => {
  const controller = new AbortController();
  if (afterMs === 0) controller.abort();
  else setTimeout(() => controller.abort(), afterMs);
  await expect(STOPWATCH.reaches(STOPWATCH.nowMs() + 3_600_000, controller.signal)).resolves.toBeUndefined();
});

test('other work goes on in the last fraction', async () => {
  let turns = 0;
  const waits = Promise.all([0.8, 0.8].map(async (ms) => STOPWATCH.reaches(STOPWATCH.nowMs() + ms, signal)));
  setImmediate(() => (turns += 1));
  await waits;
  expect(turns).toBe(1);
});
