import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { Stopwatch } from '../authorize/ports-hold.ts';

/** What a timer is late by, as a rule. */
const TIMER_LATE_MS = 0.25;

/**
 * The process's monotonic clock. A timer counts whole milliseconds from when it was set, which would tell when that was:
 * the rest, less than a millisecond, passes in turns of the event loop, which does all its other work meanwhile.
 */
export const STOPWATCH: Stopwatch = {
  nowMs: () => performance.now(),
  async reaches(atMs, signal) {
    const wholeMs = Math.floor(atMs - performance.now() - TIMER_LATE_MS);
    // Rejects only when the signal aborts.
    if (wholeMs >= 1) await delay(wholeMs, undefined, { signal }).catch(() => undefined);
    while (performance.now() < atMs && !signal.aborted) await turn();
  },
};
