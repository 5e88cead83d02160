import type { Logger } from 'pino';
import type { Clock } from '../authorize/ports.ts';
import { createDecisionLine } from './decision-line.ts';
import type { DecisionWriter } from './decision-log.ts';
import type { DecisionSampling } from './decision-writer.ts';
import { createDecisionWriter } from './decision-writer.ts';
import type { FileSinkOptions } from './file-sink.ts';
import { createFileSink } from './file-sink.ts';
import type { LineSink } from './line-buffer.ts';
import { createLineBuffer } from './line-buffer.ts';
import { createLineObserver, showLineBuffer } from './line-observer.ts';
import { createListLine } from './list-line.ts';
import type { ListWriter } from './list-log.ts';
import type { Metrics } from './metrics.ts';
import type { OtlpClient } from './otlp-client.ts';
import { createOtlpLogSink } from './otlp-log-sink.ts';
import type { Output } from './output-sink.ts';
import { createOutputSink } from './output-sink.ts';
import type { MaskOptions } from './show-fields.ts';

/** Where lines go. */
export type DecisionSinkOptions =
  | { readonly kind: 'output'; readonly output: Output }
  | ({ readonly kind: 'file' } & FileSinkOptions)
  | { readonly kind: 'otlp'; readonly client: OtlpClient };

export interface DecisionWriterOptions extends MaskOptions {
  readonly sink: DecisionSinkOptions;
  readonly sampling: DecisionSampling;
  /** Bytes of lines that wait for the sink. */
  readonly bufferBytes: number;
}

export interface OpenDecisionWriter extends DecisionWriter, ListWriter {
  /** Gives the sink this long to take what waits. */
  close(withinMs: number): Promise<void>;
}

/** The only place that stacks the decision log: sampling ▶ line ▶ bounded buffer ▶ sink. */
export function openDecisionWriter(
  { logger, metrics, clock }: { readonly logger: Logger; readonly metrics: Metrics; readonly clock: Clock },
  { sink, sampling, bufferBytes, ...line }: DecisionWriterOptions,
): OpenDecisionWriter {
  const observer = createLineObserver({ logger, metrics, clock });
  const buffer = createLineBuffer({ sink: openSink(sink), observer }, { maxBytes: bufferBytes });
  showLineBuffer(metrics, () => buffer.bufferedBytes());
  const clocks = { clock, stopwatchMs: () => performance.now() };
  const toLine = createDecisionLine(clocks, line);
  const toListLine = createListLine(clocks, line);
  return {
    ...createDecisionWriter({ buffer, toLine, toListLine }, sampling),
    close: async (withinMs) => buffer.close(withinMs),
  };
}

function openSink(options: DecisionSinkOptions): LineSink {
  switch (options.kind) {
    case 'output':
      return createOutputSink(options);
    case 'file':
      return createFileSink(options);
    case 'otlp':
      return createOtlpLogSink(options);
    default:
      return options satisfies never;
  }
}
