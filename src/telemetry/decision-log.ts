import type { DecisionLog, DecisionRecord } from '../authorize/ports.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { Metrics } from './metrics.ts';

/** Takes decisions that are to be written. Never throws and never waits. */
export interface DecisionWriter {
  write(record: DecisionRecord): void;
}

/** Counts every decision, and hands it to the writer, if there is one. */
export function createDecisionLog(deps: {
  readonly metrics: Metrics;
  readonly types: TypeModel;
  readonly writer?: DecisionWriter | undefined;
}): DecisionLog {
  const { metrics, types, writer } = deps;
  return {
    record(record) {
      const { outcome, reason, evidence } = record;
      // A type that is not configured is whatever the caller wrote, and so is a permission of the schema.
      const type = types.has(record.type) ? record.type : 'unknown';
      const operation = OPERATIONS.some((known) => known === record.operation) ? record.operation : 'unknown';
      const { parent, relationships } = evidence ?? NO_EVIDENCE;
      metrics.decisions.inc([type, operation, outcome, reason, parent, relationships]);
      writer?.write(record);
    },
  };
}

const NO_EVIDENCE = { parent: 'none', relationships: 'none' };
