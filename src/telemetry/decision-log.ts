import type { Logger } from 'pino';
import type { DecisionLog } from '../authorize/ports.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { Metrics } from './metrics.ts';

/** Counts every decision, and writes it as one line at level debug. */
export function createDecisionLog(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly types: TypeModel;
}): DecisionLog {
  const { logger, metrics, types } = deps;
  return {
    record(record) {
      const type = types.has(record.type) ? record.type : 'unknown';
      const operation = OPERATIONS.some((known) => known === record.operation) ? record.operation : 'unknown';
      metrics.decisions.inc({ type, operation, outcome: record.outcome, reason: record.reason });
      if (!logger.isLevelEnabled('debug')) return;
      const { check: _check, evidence: _evidence, ...decision } = record;
      logger.debug({ decision }, 'decided');
    },
  };
}
