import { z } from 'zod';
import type { OtlpConfig, TelemetryConfig } from './config.ts';
import {
  choice,
  flag,
  fraction,
  headerText,
  integer,
  listOf,
  secret,
  secretUrl,
  sentHeaderName,
  text,
} from './fields.ts';
import { MASK, maskUrl } from './mask.ts';
import type { ReportConflict } from './problem-list.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const TEBIBYTE = 1024 * 1024 * MEBIBYTE;
const MIN_HASH_KEY_LENGTH = 32;
const MASKABLE = ['caller', 'principal.id', 'principal.account', 'resource.id', 'resource.name'] as const;

/** `telemetry`: leaves, ranges and defaults. */
export const createTelemetrySchema = () =>
  z.object({
    service_name: text().default('taskgate'),
    otlp: z
      .object({
        endpoint: secretUrl(['http:', 'https:']).exactOptional(),
        headers: z.record(sentHeaderName(), headerText()).prefault({}),
        timeout_ms: integer(100, MINUTE_MS).default(5 * SECOND_MS),
      })
      .exactOptional(),
    metrics: z
      .object({ otlp: flag().default(false), interval_ms: integer(SECOND_MS, 60 * MINUTE_MS).default(MINUTE_MS) })
      .prefault({}),
    traces: z
      .object({
        enabled: flag().default(false),
        sample_ratio: fraction(0, 1).default(0.01),
        follow_parent: flag().default(true),
      })
      .prefault({}),
    decision_log: z
      .object({
        sink: choice(['off', 'stdout', 'file', 'otlp']).default('off'),
        path: text().exactOptional(),
        max_file_bytes: integer(KIBIBYTE, TEBIBYTE).default(100 * MEBIBYTE),
        max_files: integer(2, 1000).default(5),
        buffer_bytes: integer(KIBIBYTE, 64 * MEBIBYTE).default(MEBIBYTE),
        sample: z
          .object({
            allowed: fraction(0, 1).default(1),
            not_found: fraction(0, 1).default(1),
            forbidden: fraction(0, 1).default(1),
            listed: fraction(0, 1).default(1),
            error: fraction(0, 1).default(1),
          })
          .prefault({}),
        mask: listOf(
          z.object({ field: choice(MASKABLE), how: choice(['omit', 'hash']) }, 'must be a mapping with field and how'),
          'must be a list of {field, how}',
        ).exactOptional(),
        hash_key: secret(MIN_HASH_KEY_LENGTH).exactOptional(),
      })
      .prefault({}),
  });

export type TelemetrySettings = z.output<ReturnType<typeof createTelemetrySchema>>;

/** Reports what is missing and what has no effect. */
export function checkTelemetry(
  { otlp, metrics, traces, decision_log: log }: TelemetrySettings,
  report: ReportConflict,
): void {
  const endpoint = 'telemetry.otlp.endpoint';
  const users = [
    ['telemetry.metrics.otlp', metrics.otlp],
    ['telemetry.traces.enabled', traces.enabled],
    ['telemetry.decision_log.sink', log.sink === 'otlp'],
  ] as const;
  for (const [key, isUsed] of users) {
    if (isUsed && otlp?.endpoint === undefined) report([key, endpoint], `needs ${endpoint}`);
  }
  if (otlp !== undefined && otlp.endpoint === undefined && users.every(([, isUsed]) => !isUsed)) {
    report([endpoint], 'is required beside the rest of telemetry.otlp');
  }
  const path = 'telemetry.decision_log.path';
  if (log.sink === 'file' && log.path === undefined)
    report([path], 'is required with telemetry.decision_log.sink: file');
  if (log.sink !== 'file' && log.path !== undefined) {
    report([path, 'telemetry.decision_log.sink'], 'has no effect without telemetry.decision_log.sink: file');
  }
  const hashKey = 'telemetry.decision_log.hash_key';
  const hashes = log.mask?.some(({ how }) => how === 'hash') === true;
  if (hashes && log.hash_key === undefined) report([hashKey], 'is required where a field is masked by hash');
}

export function toTelemetryConfig(settings: TelemetrySettings): TelemetryConfig {
  const { metrics, traces, decision_log: log } = settings;
  const otlp = toOtlpConfig(settings.otlp);
  return {
    serviceName: settings.service_name,
    ...(otlp === undefined ? {} : { otlp }),
    metrics: { otlp: metrics.otlp, intervalMs: metrics.interval_ms },
    traces: { enabled: traces.enabled, sampleRatio: traces.sample_ratio, followParent: traces.follow_parent },
    decisionLog: {
      sink: log.sink,
      ...(log.path === undefined ? {} : { path: log.path }),
      maxFileBytes: log.max_file_bytes,
      maxFiles: log.max_files,
      bufferBytes: log.buffer_bytes,
      sample: {
        allowed: log.sample.allowed,
        notFound: log.sample.not_found,
        forbidden: log.sample.forbidden,
        listed: log.sample.listed,
        error: log.sample.error,
      },
      mask: log.mask ?? [],
      ...(log.hash_key === undefined ? {} : { hashKey: log.hash_key }),
    },
  };
}

function toOtlpConfig(otlp: TelemetrySettings['otlp']): OtlpConfig | undefined {
  if (otlp?.endpoint === undefined) return undefined;
  return { endpoint: otlp.endpoint, headers: otlp.headers, timeoutMs: otlp.timeout_ms };
}

/** The same in the shape of the YAML, secrets masked. */
export function toTelemetryTree({ serviceName, otlp, metrics, traces, decisionLog: log }: TelemetryConfig) {
  return {
    service_name: serviceName,
    otlp: otlp && {
      endpoint: maskUrl(otlp.endpoint),
      headers: Object.fromEntries(Object.keys(otlp.headers).map((name) => [name, MASK])),
      timeout_ms: otlp.timeoutMs,
    },
    metrics: { otlp: metrics.otlp, interval_ms: metrics.intervalMs },
    traces: { enabled: traces.enabled, sample_ratio: traces.sampleRatio, follow_parent: traces.followParent },
    decision_log: {
      sink: log.sink,
      path: log.path,
      max_file_bytes: log.maxFileBytes,
      max_files: log.maxFiles,
      buffer_bytes: log.bufferBytes,
      sample: {
        allowed: log.sample.allowed,
        not_found: log.sample.notFound,
        forbidden: log.sample.forbidden,
        listed: log.sample.listed,
        error: log.sample.error,
      },
      mask: log.mask.length === 0 ? undefined : log.mask,
      hash_key: log.hashKey === undefined ? undefined : MASK,
    },
  };
}
