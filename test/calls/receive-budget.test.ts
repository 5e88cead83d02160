import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createReceiveBudget } from '../../src/calls/receive-budget.ts';

it('ends the request that holds the most, and of several the last', () => {
  const budget = createReceiveBudget({ collect: () => undefined }, { maxBytes: 100 });
  const ends = [vi.fn(), vi.fn(), vi.fn(), vi.fn()] as const;
  const [small, large, other, late] = ends.map((end) => budget.hold(end));
  small?.add(10);
  large?.add(40);
  other?.add(40);
  late?.add(11);
  expect(ends.map((end) => end.mock.calls.length)).toEqual([0, 0, 1, 0]);
  other?.add(1_000);
  large?.add(39);
  expect(ends.map((end) => end.mock.calls.length)).toEqual([0, 0, 1, 0]);
  large?.add(1);
  expect(ends.map((end) => end.mock.calls.length)).toEqual([0, 1, 1, 0]);
});

it('never lets requests hold more than its bytes, whatever is added and released', () => {
  const steps = fc.array(fc.record({ request: fc.nat(5), bytes: fc.nat(60), releases: fc.boolean() }));
  fc.assert(
    fc.property(steps, (taken) => {
      const budget = createReceiveBudget({ collect: () => undefined }, { maxBytes: 100 });
      const held = new Map<number, number>();
      const holdings = Array.from({ length: 6 }, (_, request) => {
        held.set(request, 0);
        return budget.hold(() => held.delete(request));
      });
      for (const { request, bytes, releases } of taken) {
        const before = held.get(request);
        if (before !== undefined) held.set(request, before + bytes);
        holdings[request]?.add(bytes);
        if (releases) {
          holdings[request]?.release();
          held.delete(request);
        }
        const total = [...held.values()].reduce((sum, each) => sum + each, 0);
        expect(total).toBeLessThanOrEqual(100);
      }
    }),
  );
});

it('has the memory of what was ended collected, as often as it is much', async () => {
  const collect = vi.fn();
  let nowMs = 0;
  const budget = createReceiveBudget({ collect, stopwatchMs: () => nowMs }, { maxBytes: 1_048_576 });
  const refuse = async (): Promise<void> => {
    budget.hold(() => undefined).add(1_500_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await refuse();
  expect(collect).not.toHaveBeenCalled();
  await refuse();
  expect(collect).toHaveBeenCalledTimes(1);
  for (let count = 0; count < 5; count += 1) await refuse();
  expect(collect).toHaveBeenCalledTimes(1);
  nowMs += 100;
  await refuse();
  expect(collect).toHaveBeenCalledTimes(2);
});

it('paces what is read, all together, and more so when much is held', () => {
  const KIB = 1_024;
  let nowMs = 0;
  const budget = createReceiveBudget({ collect: () => undefined, stopwatchMs: () => nowMs }, { maxBytes: 1_000 * KIB });
  const holding = budget.hold(() => undefined);
  // Nothing large was read for a while.
  expect(budget.pace(1_024 * KIB)).toBe(0);
  expect(budget.pace(7 * KIB)).toBe(0);
  expect(budget.pace(KIB)).toBe(1);
  expect(budget.pace(8 * KIB)).toBe(2);
  nowMs += 1.5;
  expect(budget.pace(0)).toBe(0);
  nowMs += 10;
  expect(budget.pace(80 * KIB)).toBe(0);
  holding.add(500 * KIB);
  expect(budget.pace(4 * KIB)).toBe(1.5);
  holding.add(499 * KIB);
  expect(budget.pace(4 * KIB)).toBe(2.5);
  nowMs += 60_000;
  expect(budget.pace((1_024 / 8) * 4 * KIB)).toBe(0);
  expect(budget.pace(4 * KIB)).toBe(1);
});
