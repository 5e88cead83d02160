import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createCounterTally, createHistogramTally } from './tally.ts';

/** The upper bounds of latency buckets, in seconds. */
export const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const WATCH_LAG_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 11];

export type Metrics = ReturnType<typeof createMetrics>;

const DROP_REASONS = ['full', 'failed', 'closed'];
const WATCH_STATES = ['followed', 'lost'];

/** The counters and histograms, all with closed label sets: no id ever becomes a label. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const metrics = {
    registry,
    calls: createHistogramTally<[method: string, transport: string, code: number]>({
      name: 'taskgate_rpc_duration_seconds',
      help: 'Duration of calls by method, transport and gRPC status code',
      labelNames: ['method', 'transport', 'code'],
      buckets: LATENCY_BUCKETS,
      registry,
    }),
    decisions: createCounterTally<
      [type: string, operation: string, outcome: string, reason: string, parent: string, relationships: string]
    >({
      name: 'taskgate_decisions_total',
      help: 'Decisions by type, operation, outcome, reason, and where the parent and the relationships came from',
      labelNames: ['type', 'operation', 'outcome', 'reason', 'parent', 'relationships'],
      registry,
    }),
    parentLookups: createCounterTally<[layer: string, outcome: string]>({
      name: 'taskgate_parent_lookups_total',
      help: 'Parent lookups by layer and outcome',
      labelNames: ['layer', 'outcome'],
      registry,
    }),
    parentEntries: new Gauge({
      name: 'taskgate_parent_entries',
      help: 'Parents, and absences of parents, that are kept in memory',
      registers,
    }),
    answers: createCounterTally<[outcome: string]>({
      name: 'taskgate_decision_cache_answers_total',
      help: 'Answers about relationships that the decision cache knew (hit), had to ask for (miss), or could not know since changes are not followed (off)',
      labelNames: ['outcome'],
      registry,
    }),
    answerEntries: new Gauge({
      name: 'taskgate_decision_cache_entries',
      help: 'Answers about relationships that are kept in memory',
      registers,
    }),
    batches: new Counter({
      name: 'taskgate_spicedb_batches_total',
      help: 'Batches of checks sent to SpiceDB',
      registers,
    }),
    batchCalls: new Counter({
      name: 'taskgate_spicedb_batched_calls_total',
      help: 'Calls whose checks went into batches; by taskgate_spicedb_batches_total it is the coalescing factor',
      registers,
    }),
    batchChecks: new Counter({
      name: 'taskgate_spicedb_batched_checks_total',
      help: 'Checks that went into batches, by whether they are an item of their own or were asked by another call too',
      labelNames: ['kind'] as const,
      registers,
    }),
    consistency: new Counter({
      name: 'taskgate_relationship_checks_total',
      help: 'Calls to the relationships past the decision cache, by the consistency asked for and the one after floors',
      labelNames: ['asked', 'floored'] as const,
      registers,
    }),
    changes: new Counter({
      name: 'taskgate_watch_changes_total',
      help: 'Changes of relationships that Watch told of',
      registers,
    }),
    watchTransitions: new Counter({
      name: 'taskgate_watch_transitions_total',
      help: 'How often changes began to be followed, or may have been missed',
      labelNames: ['state'] as const,
      registers,
    }),
    watchLag: new Histogram({
      name: 'taskgate_watch_lag_seconds',
      help: "Time from the acknowledgement of a write of this process's own until Watch told of it",
      buckets: WATCH_LAG_BUCKETS,
      registers,
    }),
    decisionLines: new Counter({
      name: 'taskgate_decision_log_lines_total',
      help: 'Lines of the decision log that its sink took',
      registers,
    }),
    droppedLines: new Counter({
      name: 'taskgate_decision_log_dropped_total',
      help: 'Lines of the decision log that are lost: the buffer was full, the sink refused them, or they were left at exit',
      labelNames: ['reason'] as const,
      registers,
    }),
    exports: new Counter({
      name: 'taskgate_otlp_exports_total',
      help: 'Requests to the OTLP endpoint by signal and outcome',
      labelNames: ['signal', 'outcome'] as const,
      registers,
    }),
    throttled: new Counter({
      name: 'taskgate_hidden_denial_throttled_total',
      help: 'Calls refused because their principal is over denials.hidden_limit',
      registers,
    }),
    callerCalls: createCounterTally<[caller: string, code: number]>({
      name: 'taskgate_caller_calls_total',
      help: 'Calls by the configured name of the caller and gRPC status code',
      labelNames: ['caller', 'code'],
      registry,
    }),
    refusedCallers: new Counter({
      name: 'taskgate_refused_callers_total',
      help: 'Calls of callers that are not known, or lack a permission, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    principals: createCounterTally<[source: string, outcome: string]>({
      name: 'taskgate_principals_total',
      help: 'Proofs of principals by their kind, and by whether they hold (ok) or why not',
      labelNames: ['source', 'outcome'],
      registry,
    }),
    gatewayAnswers: createCounterTally<[door: string, answer: string, route: string]>({
      name: 'taskgate_gateway_answers_total',
      help: 'Answers to gateways by door, what was told, and the route as it stands in the table',
      labelNames: ['door', 'answer', 'route'],
      registry,
    }),
    reloads: new Counter({
      name: 'taskgate_reloads_total',
      help: 'Changes of the files of tokens, keys and certificates, by whether they are in use (ok) or not (refused)',
      labelNames: ['files', 'outcome'] as const,
      registers,
    }),
    faults: new Counter({
      name: 'taskgate_dependency_faults_total',
      help: 'Faults of dependencies that no breaker guards, by which one it is',
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
  // A series that begins with its first event shows no increase by it.
  for (const reason of DROP_REASONS) metrics.droppedLines.inc({ reason }, 0);
  for (const state of WATCH_STATES) metrics.watchTransitions.inc({ state }, 0);
  return metrics;
}
