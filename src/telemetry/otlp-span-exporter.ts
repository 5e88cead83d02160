import type { HrTime } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Metrics } from './metrics.ts';
import type { OtlpClient } from './otlp-client.ts';
import { toOtlpAttributes } from './otlp-client.ts';

/** As `ExportResultCode` has them. */
const SUCCESS = 0;
const FAILED = 1;
const SAMPLED_FLAG = 1;

type Done = Parameters<SpanExporter['export']>[1];

/** Sends spans over OTLP. What is not taken is lost, and counted: nothing waits for traces. */
export function createOtlpSpanExporter(deps: {
  readonly client: OtlpClient;
  readonly metrics: Pick<Metrics, 'exports'>;
}): SpanExporter {
  const { client, metrics } = deps;
  const send = async (spans: readonly ReadableSpan[]): Promise<void> =>
    client.send('traces', {
      resourceSpans: [
        { resource: client.resource, scopeSpans: [{ scope: { name: 'taskgate' }, spans: spans.map(toOtlpSpan) }] },
      ],
    });
  const sendAndTell = async (spans: readonly ReadableSpan[], done: Done): Promise<void> => {
    let isTaken = true;
    try {
      await send(spans);
    } catch {
      isTaken = false;
    }
    metrics.exports.inc({ signal: 'traces', outcome: isTaken ? 'ok' : 'failed' });
    // Without the error: the SDK would write it to the console.
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is in the SDK, which is loaded only where needed.
    done({ code: isTaken ? SUCCESS : FAILED });
  };
  return {
    export(spans, done) {
      void sendAndTell(spans, done);
    },
    async forceFlush() {},
    async shutdown() {},
  };
}

function toOtlpSpan(span: ReadableSpan): object {
  const { traceId, spanId, traceState } = span.spanContext();
  const state = traceState?.serialize();
  return {
    traceId,
    spanId,
    ...(span.parentSpanContext === undefined ? {} : { parentSpanId: span.parentSpanContext.spanId }),
    ...(state === undefined || state === '' ? {} : { traceState: state }),
    flags: SAMPLED_FLAG,
    name: span.name,
    // OTLP counts from 1, with 0 for one that is not said.
    kind: span.kind + 1,
    startTimeUnixNano: toNano(span.startTime),
    endTimeUnixNano: toNano(span.endTime),
    attributes: toOtlpAttributes(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount,
    links: span.links.map(({ context }) => ({
      traceId: context.traceId,
      spanId: context.spanId,
      flags: SAMPLED_FLAG,
      attributes: [],
    })),
    droppedLinksCount: span.droppedLinksCount,
    status: { code: span.status.code, ...(span.status.message === undefined ? {} : { message: span.status.message }) },
  };
}

function toNano([seconds, nanoseconds]: HrTime): string {
  return `${BigInt(seconds) * 1_000_000_000n + BigInt(Math.round(nanoseconds))}`;
}
