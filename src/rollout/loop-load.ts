import { performance } from 'node:perf_hooks';
import type { Clock } from '../authorize/ports.ts';

const SAMPLE_MS = 200;
const BUSY_AT = 0.95;

/**
 * Tells whether the event loop had next to no rest lately. It is looked at when asked, every 200 ms at most: a process
 * that nobody asks has no timer for it.
 */
export function createLoopLoad({ clock }: { readonly clock: Clock }): () => boolean {
  let sample = performance.eventLoopUtilization();
  let sampledAtMs = clock.nowMs();
  let busy = false;
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs - sampledAtMs < SAMPLE_MS) return busy;
    const next = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(next, sample).utilization >= BUSY_AT;
    sample = next;
    sampledAtMs = nowMs;
    return busy;
  };
}
