import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import type { HiddenDenialFigures, HiddenDenialObserver } from '../authorize/ports.ts';
import type { Metrics } from './metrics.ts';

/** Counts what is refused, and says who may be trying ids: in the log only, since no id may be a label. */
export function createHiddenDenialObserver(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): HiddenDenialObserver {
  const { logger, metrics } = deps;
  return {
    suspected(principal) {
      logger.warn({ principal }, 'a principal may be trying ids: it is told "not found" again and again');
    },
    throttled() {
      metrics.throttled.inc();
    },
  };
}

/** Shows the figures in the metrics; they are asked for when the metrics are read. */
export function showHiddenDenials({ registry }: Metrics, figures: () => HiddenDenialFigures): void {
  const show = (name: string, help: string, valueOf: (now: HiddenDenialFigures) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(valueOf(figures()));
      },
    });
  show(
    'taskgate_hidden_denials_highest',
    'Answers "not found" in the last denials.hidden_window_ms, of the principal that got most of them',
    ({ highest }) => highest,
  );
  show(
    'taskgate_hidden_denial_suspects',
    'Principals with denials.hidden_suspect_at or more answers "not found" in the last denials.hidden_window_ms',
    ({ suspects }) => suspects,
  );
}
