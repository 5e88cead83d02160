import type { Clock } from '../authorize/ports.ts';
import type { ResilienceObserver } from '../authorize/ports-resilience.ts';
import type { Dependency } from '../domain/errors.ts';

export interface RetryBudgetOptions {
  /** Retries for each call that is made, 0–1; 0 means that nothing is made again. */
  readonly ratio: number;
  /** Retries a second that are allowed whatever is called, so that little traffic has some. Default 1. */
  readonly minPerSecond?: number;
  /** Retries that can be saved up: a connection that ends may take this many calls with it. Default 20. */
  readonly maxSaved?: number;
}

/**
 * Bounds how much retries add to the load of a dependency that fails: all calls share it.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */
export interface RetryBudget {
  /** A call is made, for the first time. */
  called(): void;
  /** True if an attempt that failed may be made again: take it at once. */
  take(): boolean;
}

/** A budget that is full at the start. */
export function createRetryBudget(
  { clock, observer }: { readonly clock: Clock; readonly observer: ResilienceObserver },
  { dependency, ratio, minPerSecond = 1, maxSaved = 20 }: RetryBudgetOptions & { readonly dependency: Dependency },
): RetryBudget {
  let saved = ratio === 0 ? 0 : maxSaved;
  let filledAtMs = clock.nowMs();

  function fill(retries: number): void {
    saved = Math.min(maxSaved, saved + retries);
  }

  return {
    called: () => fill(ratio),
    take() {
      const nowMs = clock.nowMs();
      if (ratio > 0) fill((Math.max(0, nowMs - filledAtMs) / 1_000) * minPerSecond);
      filledAtMs = nowMs;
      const isAllowed = saved >= 1;
      if (isAllowed) saved -= 1;
      observer.retried(dependency, isAllowed ? 'made' : 'refused');
      return isAllowed;
    },
  };
}

/** Allows every retry: for programs that pace themselves. */
export const UNLIMITED_RETRIES: RetryBudget = { called: () => undefined, take: () => true };
