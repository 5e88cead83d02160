import type { ResilienceObserver } from '../../src/authorize/ports-resilience.ts';
import type { Dependency } from '../../src/domain/errors.ts';
import { createBreaker } from '../../src/resilience/breaker.ts';
import type { Breaker, BreakerOptions } from '../../src/resilience/breaker.ts';
import { SYSTEM_CLOCK } from './spicedb.ts';

/** Opens after two failures in a row, for exactly 100 ms, then 200, 400, and never longer. */
export const BREAKER: BreakerOptions = {
  failureRatio: 0.5,
  minCalls: 2,
  windowMs: 1_000,
  openMs: 100,
  maxOpenMs: 400,
};

export interface RecordingObserver extends ResilienceObserver {
  /** What it was told, in order. */
  readonly told: readonly string[];
}

export function createRecordingObserver(): RecordingObserver {
  const told: string[] = [];
  return {
    told,
    breakerChanged: (dependency, state) => void told.push(`${dependency} ${state}`),
    breakerRejected: (dependency) => void told.push(`${dependency} refused`),
    bulkheadLoaded: (dependency, { executing, queued }) => void told.push(`${dependency} ${executing} + ${queued}`),
    bulkheadRejected: (dependency) => void told.push(`${dependency} full`),
    retried: (dependency, outcome) => void told.push(`${dependency} retry ${outcome}`),
  };
}

/** A breaker without jitter, by the system's clock, which a test may fake. */
export function createTestBreaker(
  dependency: Dependency,
  options: Partial<BreakerOptions> = {},
): { readonly breaker: Breaker; readonly told: readonly string[] } {
  const observer = createRecordingObserver();
  const deps = { clock: SYSTEM_CLOCK, observer, random: () => 1 };
  return { breaker: createBreaker(deps, { ...BREAKER, ...options, dependency }), told: observer.told };
}
