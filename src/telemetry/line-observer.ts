import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { Clock } from '../authorize/ports.ts';
import type { LineObserver } from './line-buffer.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** What drops lines drops many: one line of the log in this time says it. */
const LOG_INTERVAL_MS = 10_000;

const LOST = 'decisions are missing from the decision log';

/** Counts decision lines, and says in the log when some are lost. */
export function createLineObserver(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}): LineObserver {
  const { logger, metrics, clock } = deps;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return {
    written: (lines) => metrics.decisionLines.inc(lines),
    dropped(reason, lines, fault) {
      metrics.droppedLines.inc({ reason }, lines);
      if (clock.nowMs() - loggedAtMs < LOG_INTERVAL_MS) return;
      loggedAtMs = clock.nowMs();
      if (fault === undefined) logger.warn({ reason }, LOST);
      else logFault(logger, 'warn', { reason, fault }, LOST);
    },
  };
}

/** Shows what waits; it is asked for when the metrics are read. */
export function showLineBuffer({ registry }: Metrics, bufferedBytes: () => number): void {
  const gauge: Gauge = new Gauge({
    name: 'taskgate_decision_log_buffered_bytes',
    help: 'Bytes of lines of the decision log that wait for its sink',
    registers: [registry],
    collect() {
      gauge.set(bufferedBytes());
    },
  });
}
