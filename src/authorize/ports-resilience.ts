import type { Dependency } from '../domain/errors.ts';

/** `half_open`: one call is under way that finds out whether the dependency is back, and the others are refused. */
export type BreakerState = 'closed' | 'half_open' | 'open';

/** How much is asked of a dependency at once. */
export interface BulkheadLoad {
  readonly executing: number;
  readonly queued: number;
}

/** Told how the dependencies are guarded. Never throws and never waits. */
export interface ResilienceObserver {
  /** `cause` is what the call that changed it threw, for the log. */
  breakerChanged(dependency: Dependency, state: BreakerState, cause?: unknown): void;
  /** A call was refused, because the breaker is not closed. */
  breakerRejected(dependency: Dependency): void;
  bulkheadLoaded(dependency: Dependency, load: BulkheadLoad): void;
  /** A call was refused, because as many as may be are waiting. */
  bulkheadRejected(dependency: Dependency): void;
  /** An attempt failed and may be made again; `refused` says that too many are made again already. */
  retried(dependency: Dependency, outcome: 'made' | 'refused'): void;
}
