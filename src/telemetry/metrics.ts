import { Counter, Histogram, Registry } from 'prom-client';

/** A latency bucket's upper bound, in seconds. */
const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export type Metrics = ReturnType<typeof createMetrics>;

/** The counters and histograms, all with closed label sets: no id ever becomes a label. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    calls: new Histogram({
      name: 'taskgate_rpc_duration_seconds',
      help: 'Duration of RPCs by method, transport and gRPC status code',
      labelNames: ['method', 'transport', 'code'] as const,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    decisions: new Counter({
      name: 'taskgate_decisions_total',
      help: 'Decisions by type, operation, outcome and reason',
      labelNames: ['type', 'operation', 'outcome', 'reason'] as const,
      registers,
    }),
    parentLookups: new Counter({
      name: 'taskgate_parent_lookups_total',
      help: 'Parent lookups by layer and outcome',
      labelNames: ['layer', 'outcome'] as const,
      registers,
    }),
    callerCalls: new Counter({
      name: 'taskgate_caller_calls_total',
      help: 'Calls by the configured name of the caller and gRPC status code',
      labelNames: ['caller', 'code'] as const,
      registers,
    }),
    refusedCallers: new Counter({
      name: 'taskgate_refused_callers_total',
      help: 'Calls of callers that are not known, or lack a permission, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    reloads: new Counter({
      name: 'taskgate_reloads_total',
      help: 'Changes of the files of tokens and certificates, by whether they are in use (ok) or not (refused)',
      labelNames: ['files', 'outcome'] as const,
      registers,
    }),
    faults: new Counter({
      name: 'taskgate_dependency_faults_total',
      help: 'Faults of dependencies that a call met, by where it met them',
      labelNames: ['where'] as const,
      registers,
    }),
  };
}
