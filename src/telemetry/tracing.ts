import type * as otel from '@opentelemetry/api';
import type { IncomingTrace, Span, Tracer } from '../authorize/ports-tracing.ts';
import type { Metrics } from './metrics.ts';
import type { OtlpClient } from './otlp-client.ts';
import { createOtlpSpanExporter } from './otlp-span-exporter.ts';
import type { RemoteSpan } from './trace-context.ts';
import { parseTraceparent } from './trace-context.ts';

export interface TracingOptions {
  /** The share of calls that are traced where nothing else says so, from 0 to 1. */
  readonly sampleRatio: number;
  /** True: a call is traced if its caller traces it, and is not if its caller does not. */
  readonly followParent: boolean;
}

export interface OpenTracer extends Tracer {
  /** Sends what has been recorded, in this many milliseconds. */
  close(withinMs: number): Promise<void>;
}

type Api = typeof otel;

const MAX_TRACESTATE_LENGTH = 512;

/** OpenTelemetry's SDK is loaded here, and not on top: it takes memory, and tracing is off by default. */
export async function openTracing(
  deps: {
    readonly client: OtlpClient;
    readonly metrics: Pick<Metrics, 'exports'>;
    /** From 0 to 1, exclusive. Default `Math.random`. */
    readonly random?: () => number;
  },
  { sampleRatio, followParent }: TracingOptions,
): Promise<OpenTracer> {
  const { random = Math.random } = deps;
  const api = await import('@opentelemetry/api');
  const { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace');
  const processor = new BatchSpanProcessor({ exporter: createOtlpSpanExporter(deps) });
  // Whoever comes here has been sampled.
  const provider = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [processor] });
  const tracer = provider.getTracer('taskgate');

  const isSampled = (remote: RemoteSpan | undefined): boolean =>
    followParent && remote !== undefined ? remote.isSampled : random() < sampleRatio;

  return {
    startCall(name, incoming) {
      const remote = parseTraceparent(incoming.header('traceparent'));
      if (!isSampled(remote)) return undefined;
      const context = remote === undefined ? api.ROOT_CONTEXT : toContext(api, remote, incoming);
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK's types are of its CommonJS build.
      return toSpan({ api, tracer }, tracer.startSpan(name, { kind: api.SpanKind.SERVER }, context));
    },
    async close(withinMs) {
      await provider.forceFlush({ timeoutMillis: Math.max(1, withinMs) }).catch(() => undefined);
      await processor.shutdown().catch(() => undefined);
    },
  };
}

function toContext(api: Api, { traceId, spanId }: RemoteSpan, { header }: IncomingTrace): otel.Context {
  const state = header('tracestate');
  const traceState =
    state === undefined || state.length > MAX_TRACESTATE_LENGTH ? {} : { traceState: api.createTraceState(state) };
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: api.TraceFlags.SAMPLED,
    isRemote: true,
    ...traceState,
  });
}

function toSpan(deps: { readonly api: Api; readonly tracer: otel.Tracer }, own: otel.Span): Span {
  const { api, tracer } = deps;
  const { traceId, spanId, traceState } = own.spanContext();
  const state = traceState?.serialize() ?? '';
  return {
    traceId,
    headers: { traceparent: `00-${traceId}-${spanId}-01`, ...(state === '' ? {} : { tracestate: state }) },
    child(name, kind) {
      const options = { kind: kind === 'client' ? api.SpanKind.CLIENT : api.SpanKind.INTERNAL };
      return toSpan(deps, tracer.startSpan(name, options, api.trace.setSpan(api.ROOT_CONTEXT, own)));
    },
    shared(name, others) {
      const all = [this, ...others];
      const links = all.map((span) => ({ context: toRemote(span) }));
      const shared = toSpan(deps, tracer.startSpan(name, { root: true, links }, api.ROOT_CONTEXT));
      for (const span of all) span.link(shared);
      return shared;
    },
    link: (other) => void own.addLink({ context: toRemote(other) }),
    set: (attributes) => void own.setAttributes(attributes),
    end(problem) {
      if (problem !== undefined) own.setStatus({ code: api.SpanStatusCode.ERROR, message: problem });
      own.end();
    },
  };

  function toRemote(span: Span) {
    const remote = parseTraceparent(span.headers['traceparent']);
    return { traceId: span.traceId, spanId: remote?.spanId ?? '', traceFlags: api.TraceFlags.SAMPLED };
  }
}
