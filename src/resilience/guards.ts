import type { Dependency } from '../domain/errors.ts';
import type { Breaker, BreakerDeps, BreakerOptions } from './breaker.ts';
import { createBreaker } from './breaker.ts';
import type { Bulkhead } from './bulkhead.ts';
import { createBulkhead } from './bulkhead.ts';
import type { RetryBudget } from './retry-budget.ts';
import { createRetryBudget } from './retry-budget.ts';

export interface GuardsOptions {
  readonly breakers: BreakerOptions;
  readonly database: {
    /** Queries that may be under way at once. */
    readonly poolSize: number;
    /** Queries that may wait for their turn. */
    readonly maxQueue: number;
  };
  readonly spicedb: {
    /** Retries for each call, 0–1. */
    readonly retryRatio: number;
  };
}

/** What stands before each store. */
export interface Guards {
  readonly redis: Breaker;
  readonly database: { readonly breaker: Breaker; readonly bulkhead: Bulkhead };
  readonly spicedb: { readonly breaker: Breaker; readonly retryBudget: RetryBudget };
}

/** Makes the guards of all stores: what one store does never closes the way to another. */
export function createGuards(deps: BreakerDeps, { breakers, database, spicedb }: GuardsOptions): Guards {
  const breakerOf = (dependency: Dependency): Breaker => createBreaker(deps, { ...breakers, dependency });
  return {
    redis: breakerOf('redis'),
    database: {
      breaker: breakerOf('database'),
      bulkhead: createBulkhead(deps, {
        dependency: 'database',
        maxConcurrent: database.poolSize,
        maxQueue: database.maxQueue,
      }),
    },
    spicedb: {
      breaker: breakerOf('spicedb'),
      retryBudget: createRetryBudget(deps, { dependency: 'spicedb', ratio: spicedb.retryRatio }),
    },
  };
}
