import type { Clock } from '../../authorize/ports.ts';

/** Waits; returns at once when `signal` aborts. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export interface Pacer {
  /** Waits until `count` more may be had. */
  take(count: number, signal: AbortSignal): Promise<void>;
}

/** Spreads work evenly, so that no second has more than `perSecond`; undefined for no limit. */
export function createPacer(
  { clock, wait }: { readonly clock: Clock; readonly wait: Wait },
  perSecond: number | undefined,
): Pacer {
  let freeAtMs = 0;
  return {
    async take(count, signal) {
      if (perSecond === undefined || count === 0) return;
      const nowMs = clock.nowMs();
      const startMs = Math.max(nowMs, freeAtMs);
      freeAtMs = startMs + (count * 1_000) / perSecond;
      if (startMs > nowMs) await wait(startMs - nowMs, signal);
    },
  };
}
