import type { Logger } from 'pino';
import type { Clock, ParentLayer, ParentObserver } from '../authorize/ports.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** A dependency that is down faults on every call: one line in this time says it. */
const LOG_INTERVAL_MS = 5_000;

/** Counts what the parent layers do, and logs their faults: what the driver said, at debug. */
export function createParentObserver(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}): ParentObserver {
  const { logger, metrics, clock } = deps;
  const loggedAtMs = new Map<ParentLayer, number>();
  return {
    counted(layer, outcome, count) {
      metrics.parentLookups.inc([layer, outcome], count);
    },
    kept(entries) {
      metrics.parentEntries.set(entries);
    },
    faulted(layer, fault) {
      const nowMs = clock.nowMs();
      if (nowMs - (loggedAtMs.get(layer) ?? 0) < LOG_INTERVAL_MS) return;
      loggedAtMs.set(layer, nowMs);
      logFault(logger, 'warn', { layer, fault }, 'a parent lookup met a fault');
    },
  };
}
