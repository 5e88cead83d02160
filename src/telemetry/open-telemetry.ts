import type { Logger } from 'pino';
import type { Clock } from '../authorize/ports.ts';
import type { Tracer } from '../authorize/ports-tracing.ts';
import type { DecisionWriter } from './decision-log.ts';
import type { ListWriter } from './list-log.ts';
import { within } from '../domain/within.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { DecisionSinkOptions, DecisionWriterOptions } from './open-decision-writer.ts';
import { openDecisionWriter } from './open-decision-writer.ts';
import type { OtlpOptions } from './otlp-client.ts';
import { createOtlpClient } from './otlp-client.ts';
import type { Output } from './output-sink.ts';
import { startOtlpMetrics } from './otlp-metrics.ts';
import { showProcess } from './process-metrics.ts';
import type { TracingOptions } from './tracing.ts';
import { openTracing } from './tracing.ts';

export interface TelemetryOptions {
  /** Needed by `metrics`, `traces` and a decision log of the kind `otlp`. */
  readonly otlp?: OtlpOptions;
  /** Absent: metrics are only shown. */
  readonly metrics?: { readonly intervalMs: number };
  /** Absent: nothing is traced. */
  readonly traces?: TracingOptions;
  /** Absent: decisions are only counted. */
  readonly decisionLog?: Omit<DecisionWriterOptions, 'sink'> & {
    readonly sink: { readonly kind: 'output' | 'otlp' } | Extract<DecisionWriterOptions['sink'], { kind: 'file' }>;
  };
}

export interface Telemetry {
  readonly metrics: Metrics;
  readonly decisionWriter: (DecisionWriter & ListWriter) | undefined;
  readonly tracer: Tracer | undefined;
  /** Sends and writes what is left, in this many milliseconds. */
  close(withinMs: number): Promise<void>;
}

/** The only place that opens what tells others of what happens here. Whoever is told may be gone: nothing waits for it. */
export async function openTelemetry(
  {
    logger,
    clock,
    output,
  }: {
    readonly logger: Logger;
    readonly clock: Clock;
    /** Needed by a decision log of the kind `output`. */
    readonly output?: Output | undefined;
  },
  { otlp, metrics: metricsOptions, traces, decisionLog }: TelemetryOptions,
): Promise<Telemetry> {
  const metrics = createMetrics();
  const processMetrics = showProcess(metrics);
  const client = otlp === undefined ? undefined : createOtlpClient(otlp);
  const needClient = () => {
    if (client === undefined) throw new Error('what is sent over OTLP needs an endpoint');
    return client;
  };
  const toSink = (sink: NonNullable<TelemetryOptions['decisionLog']>['sink']): DecisionSinkOptions => {
    if (sink.kind === 'file') return sink;
    if (sink.kind === 'otlp') return { kind: 'otlp', client: needClient() };
    if (output === undefined) throw new Error('there is no standard output for the decision log');
    return { kind: 'output', output };
  };
  const writer =
    decisionLog === undefined
      ? undefined
      : openDecisionWriter(
          { logger, metrics, clock },
          {
            ...decisionLog,
            sink: toSink(decisionLog.sink),
          },
        );
  const tracer = traces === undefined ? undefined : await openTracing({ client: needClient(), metrics }, traces);
  const pusher =
    metricsOptions === undefined ? undefined : startOtlpMetrics({ client: needClient(), metrics }, metricsOptions);
  return {
    metrics,
    decisionWriter: writer,
    tracer,
    async close(withinMs) {
      await Promise.all([writer?.close(withinMs), tracer?.close(withinMs), pusher && within(withinMs, pusher.close())]);
      processMetrics[Symbol.dispose]();
    },
  };
}
