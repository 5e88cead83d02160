import { describe, expect, test } from 'vitest';
import { createWatchPulse } from '../../src/relationships/watch-pulse.ts';

function setUp() {
  let nowMs = 0;
  const pulse = createWatchPulse({ clock: { nowMs: () => nowMs } });
  pulse.opened();
  return {
    pulse,
    wait: (ms: number) => void (nowMs += ms),
    beat: (intervalMs: number) => {
      for (let beat = 0; beat < 3; beat += 1) {
        nowMs += intervalMs;
        pulse.heard({ isIdle: true });
      }
    },
  };
}

describe('createWatchPulse', () => {
  test.each([
    [100, 2_000],
    [1_000, 3_000],
    [10_000, 30_000],
  ])('with a word every %i ms, misses it after %i', (intervalMs, missedMs) => {
    const { pulse, wait, beat } = setUp();
    beat(intervalMs);
    wait(missedMs);
    expect(pulse.isMissed()).toBe(false);
    wait(1);
    expect(pulse.isMissed()).toBe(true);
  });

  test('misses it on the next stream too, from when that was opened', () => {
    const { pulse, wait, beat } = setUp();
    beat(1_000);
    wait(60_000);
    pulse.opened();
    expect(pulse.isMissed()).toBe(false);
    wait(3_001);
    expect(pulse.isMissed()).toBe(true);
  });

  test('learns nothing from a word that follows a change', () => {
    const { pulse, wait } = setUp();
    for (let change = 0; change < 3; change += 1) {
      wait(1_000);
      pulse.heard({ isIdle: false });
      pulse.heard({ isIdle: true });
    }
    wait(60_000);
    expect(pulse.isMissed()).toBe(false);
  });
});
