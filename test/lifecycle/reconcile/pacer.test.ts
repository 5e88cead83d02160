import { expect, test } from 'vitest';
import { createPacer } from '../../../src/lifecycle/reconcile/pacer.ts';

const { signal } = new AbortController();

function manualTime() {
  let nowMs = 1_000;
  return {
    clock: { nowMs: () => nowMs },
    wait: async (ms: number) => {
      nowMs += ms;
    },
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

test('spreads what is taken, and a pause saves up nothing', async () => {
  const time = manualTime();
  const pacer = createPacer(time, 10);
  for (let taken = 0; taken < 11; taken += 1) await pacer.take(1, signal);
  expect(time.clock.nowMs()).toBe(2_000);
  await pacer.take(20, signal);
  await pacer.take(1, signal);
  expect(time.clock.nowMs()).toBe(4_100);
  time.pass(60_000);
  await pacer.take(5, signal);
  await pacer.take(1, signal);
  expect(time.clock.nowMs()).toBe(64_600);
});

test('without a limit nothing waits', async () => {
  const time = manualTime();
  const pacer = createPacer(time, undefined);
  for (let taken = 0; taken < 100; taken += 1) await pacer.take(1_000, signal);
  expect(time.clock.nowMs()).toBe(1_000);
});
