import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import type { ResilienceObserver } from '../authorize/ports-resilience.ts';
import type { Dependency } from '../domain/errors.ts';
import { OverloadedError } from '../domain/errors.ts';

export interface BulkheadOptions {
  /** Calls that may be under way at once. */
  readonly maxConcurrent: number;
  /** Calls that may wait for their turn. */
  readonly maxQueue: number;
}

/** Keeps what is asked of one dependency at once within bounds. */
export interface Bulkhead {
  /**
   * Does `work` when it is its turn. Work that waited may come too late: it is for `work` to notice.
   *
   * @throws OverloadedError at once if as many as may be are waiting.
   */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createBulkhead(
  { observer }: { readonly observer: ResilienceObserver },
  { dependency, maxConcurrent, maxQueue }: BulkheadOptions & { readonly dependency: Dependency },
): Bulkhead {
  const policy = bulkhead(maxConcurrent, maxQueue);
  const report = (): void =>
    observer.bulkheadLoaded(dependency, {
      executing: maxConcurrent - policy.executionSlots,
      queued: maxQueue - policy.queueSlots,
    });
  return {
    async run(work) {
      try {
        const result = policy.execute(work);
        report();
        return await result;
      } catch (error) {
        if (!(error instanceof BulkheadRejectedError)) throw error;
        observer.bulkheadRejected(dependency);
        throw new OverloadedError({ cause: error });
      } finally {
        report();
      }
    },
  };
}
