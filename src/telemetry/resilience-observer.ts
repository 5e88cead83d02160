import type { Logger } from 'pino';
import type { BreakerState, ResilienceObserver } from '../authorize/ports-resilience.ts';
import type { Dependency } from '../domain/errors.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

const STATES: readonly BreakerState[] = ['closed', 'half_open', 'open'];

/** Counts what the guards of the dependencies do, and logs when a breaker opens and closes. */
export function createResilienceObserver(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): ResilienceObserver {
  const { logger, metrics } = deps;
  const states = new Map<Dependency, BreakerState>();
  return {
    breakerChanged(dependency, state, cause) {
      const before = states.get(dependency);
      states.set(dependency, state);
      for (const each of STATES) metrics.breakerState.set({ dependency, state: each }, each === state ? 1 : 0);
      // The first state is no change.
      if (before === undefined) return;
      metrics.breakerTransitions.inc({ dependency, state });
      if (state === 'closed') logger.info({ dependency }, 'calls are made again: the breaker is closed');
      else if (state === 'half_open' || before === 'half_open') logger.debug({ dependency, state }, 'a breaker probes');
      else logFault(logger, 'warn', { dependency, fault: cause }, 'calls are refused at once: the breaker is open');
    },
    breakerRejected(dependency) {
      metrics.breakerRejected.inc({ dependency });
    },
    bulkheadLoaded(dependency, { executing, queued }) {
      metrics.bulkheadCalls.set({ dependency, state: 'executing' }, executing);
      metrics.bulkheadCalls.set({ dependency, state: 'queued' }, queued);
    },
    bulkheadRejected(dependency) {
      metrics.bulkheadRejected.inc({ dependency });
    },
    retried(dependency, outcome) {
      metrics.retries.inc({ dependency, outcome });
    },
  };
}
