import type { LineSink } from './line-buffer.ts';
import type { OtlpClient } from './otlp-client.ts';
import { toOtlpAttributes, toUnixNano } from './otlp-client.ts';

const SEVERITY_INFO = 9;

/** Sends decision lines as OTLP log records: the line is the body, and what is looked for first is beside it. */
export function createOtlpLogSink({ client }: { readonly client: OtlpClient }): LineSink {
  return {
    async write(lines) {
      await client.send('logs', {
        resourceLogs: [
          {
            resource: client.resource,
            scopeLogs: [{ scope: { name: 'taskgate.decisions' }, logRecords: lines.map(toLogRecord) }],
          },
        ],
      });
    },
    async close() {},
  };
}

function toLogRecord(line: string): object {
  // Lines are our own.
  const { kind, id, time, operation, decision, reason, trace_id: traceId } = JSON.parse(line);
  return {
    timeUnixNano: toUnixNano(Date.parse(time)),
    severityNumber: SEVERITY_INFO,
    severityText: 'INFO',
    body: { stringValue: line.trimEnd() },
    attributes: toOtlpAttributes({
      'event.name': `taskgate.${kind}`,
      'taskgate.decision_id': id,
      'taskgate.operation': operation,
      'taskgate.decision': decision,
      'taskgate.reason': reason,
    }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}
