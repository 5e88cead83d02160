import { expect, test } from 'vitest';
import { createRetryBudget } from '../../src/resilience/retry-budget.ts';
import { createClock } from '../parents/fixtures.ts';
import { createRecordingObserver } from '../support/breaker.ts';

function setUp(ratio = 0.1) {
  const clock = createClock();
  const observer = createRecordingObserver();
  const budget = createRetryBudget({ clock, observer }, { dependency: 'spicedb', ratio, maxSaved: 10 });
  /** As many calls that fail and want to be made again. */
  const failCalls = (calls: number): number => {
    let retries = 0;
    for (let call = 0; call < calls; call += 1) {
      budget.called();
      if (budget.take()) retries += 1;
    }
    return retries;
  };
  return { ...clock, failCalls, budget, told: observer.told };
}

test('adds a tenth to the calls of a dependency that fails, and what was saved', () => {
  const retries = setUp().failCalls(1_000);
  expect(retries).toBeGreaterThanOrEqual(108);
  expect(retries).toBeLessThanOrEqual(110);
});

test('allows one a second where little is called', () => {
  const { failCalls, budget, advance } = setUp();
  failCalls(1_000);
  expect(budget.take()).toBe(false);
  advance(1_000);
  expect(budget.take()).toBe(true);
  expect(budget.take()).toBe(false);
});

test('saves no more than its bound', () => {
  const { budget, advance } = setUp();
  for (let call = 0; call < 10_000; call += 1) budget.called();
  advance(3_600_000);
  const taken = Array.from({ length: 20 }, () => budget.take());
  expect(taken.filter(Boolean)).toHaveLength(10);
});

test('allows none with a ratio of 0', () => {
  const { failCalls, advance } = setUp(0);
  advance(3_600_000);
  expect(failCalls(100)).toBe(0);
});

test('tells of each that is made and that is refused', () => {
  const { failCalls, told } = setUp();
  failCalls(13);
  expect(told.filter((what) => what === 'spicedb retry made')).toHaveLength(11);
  expect(told.filter((what) => what === 'spicedb retry refused')).toHaveLength(2);
});
