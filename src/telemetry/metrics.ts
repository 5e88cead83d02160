import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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
    throttled: new Counter({
      name: 'taskgate_hidden_denial_throttled_total',
      help: 'Calls refused because their principal is over denials.hidden_limit',
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
    principals: new Counter({
      name: 'taskgate_principals_total',
      help: 'Proofs of principals by their kind, and by whether they hold (ok) or why not',
      labelNames: ['source', 'outcome'] as const,
      registers,
    }),
    reloads: new Counter({
      name: 'taskgate_reloads_total',
      help: 'Changes of the files of tokens, keys and certificates, by whether they are in use (ok) or not (refused)',
      labelNames: ['files', 'outcome'] as const,
      registers,
    }),
    faults: new Counter({
      name: 'taskgate_dependency_faults_total',
      help: 'Faults of dependencies that a call met, by where it met them',
      labelNames: ['where'] as const,
      registers,
    }),
    breakerState: new Gauge({
      name: 'taskgate_breaker_state',
      help: '1 for the state that the breaker of a dependency is in, 0 for the others',
      labelNames: ['dependency', 'state'] as const,
      registers,
    }),
    breakerTransitions: new Counter({
      name: 'taskgate_breaker_transitions_total',
      help: 'Changes of breakers by dependency and the state that they went to',
      labelNames: ['dependency', 'state'] as const,
      registers,
    }),
    breakerRejected: new Counter({
      name: 'taskgate_breaker_rejected_total',
      help: 'Calls of dependencies that were refused because their breaker was not closed',
      labelNames: ['dependency'] as const,
      registers,
    }),
    bulkheadCalls: new Gauge({
      name: 'taskgate_bulkhead_calls',
      help: 'Calls of a dependency that are executing, and that are queued for their turn',
      labelNames: ['dependency', 'state'] as const,
      registers,
    }),
    bulkheadRejected: new Counter({
      name: 'taskgate_bulkhead_rejected_total',
      help: 'Calls of dependencies that were refused because too many were waiting',
      labelNames: ['dependency'] as const,
      registers,
    }),
    retries: new Counter({
      name: 'taskgate_retries_total',
      help: 'Attempts at dependencies that failed and were made again, or were refused that by the budget of retries',
      labelNames: ['dependency', 'outcome'] as const,
      registers,
    }),
  };
}
