/*
 * Import this before anything that takes the clock, which `src/server.ts` does when it is loaded.
 */

const now = Date.now;
let aheadMs = 0;
Date.now = () => now() + aheadMs;

/** For all of the process, taskgate included; stores of other processes go by their own. */
export function advanceClock(ms: number): void {
  aheadMs += ms;
}
