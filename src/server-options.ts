// The configuration in the terms of what it configures.
import { randomBytes } from 'node:crypto';
import type { HiddenDenialOptions } from './authorize/hidden-denials.ts';
import type { CallersOptions } from './callers/open-callers.ts';
import type { Config } from './config/config.ts';
import type { CallerPermission } from './domain/caller.ts';
import type { Principal } from './domain/principal.ts';
import type { ParentChainOptions } from './parents/parent-chain.ts';
import type { CachingOptions } from './relationships/relationship-chain.ts';
import type { TelemetryOptions } from './telemetry/open-telemetry.ts';

const MAX_KEYS_PER_QUERY = 10_000;
const SECRET_BYTES = 32;

export function toCallersOptions({ listeners: { grpc, http }, authentication }: Config): CallersOptions {
  const { tokensFile, callers, socketCaller, reloadIntervalMs } = authentication;
  return {
    ...(tokensFile === undefined ? {} : { tokensFile }),
    certificateCallers: callers.map(toCaller),
    socketCaller: toCaller(socketCaller),
    reloadIntervalMs,
    ...(grpc.tls === undefined ? {} : { grpcTls: grpc.tls }),
    ...(http.tls === undefined ? {} : { httpTls: http.tls }),
  };
}

function toCaller<Settings extends { readonly permissions: readonly CallerPermission[] }>(settings: Settings) {
  return { ...settings, permissions: new Set(settings.permissions) };
}

export function toParentOptions({ parents, redis, database, sources }: Config): ParentChainOptions {
  return {
    sources,
    tellsOrigins: true,
    expiry: parents,
    memoryMaxEntries: parents.memoryMaxEntries,
    ...(redis === undefined ? {} : { redis: { ...redis, keyRing: redis.signingKeys } }),
    postgres: {
      timeoutMs: database.timeoutMs,
      maxBatchSize: MAX_KEYS_PER_QUERY,
      maxConcurrentBatches: database.poolSize,
    },
  };
}

export function toCaching({ decisions, spicedb }: Config): CachingOptions | 'off' {
  if (!decisions.cache) return 'off';
  return { ...decisions, silenceMs: spicedb.watchSilenceMs === 0 ? 'off' : spicedb.watchSilenceMs };
}

export function toHiddenDenials({ denials }: Config): HiddenDenialOptions {
  return { windowMs: denials.hiddenWindowMs, suspectAt: denials.hiddenSuspectAt, limit: denials.hiddenLimit };
}

export function toTelemetryOptions({ telemetry }: Config): TelemetryOptions {
  const { serviceName, otlp, metrics, traces, decisionLog } = telemetry;
  const sink = toDecisionSink(decisionLog);
  const { allowed, notFound, forbidden, error } = decisionLog.sample;
  return {
    ...(otlp === undefined ? {} : { otlp: { ...otlp, serviceName } }),
    ...(metrics.otlp ? { metrics } : {}),
    ...(traces.enabled ? { traces } : {}),
    ...(sink === undefined
      ? {}
      : {
          decisionLog: {
            sink,
            sampling: { ALLOWED: allowed, NOT_FOUND: notFound, FORBIDDEN: forbidden, ERROR: error },
            bufferBytes: decisionLog.bufferBytes,
            mask: new Map(decisionLog.mask.map(({ field, how }) => [field, how])),
            hashKey: decisionLog.hashKey,
          },
        }),
  };
}

function toDecisionSink({
  sink,
  path,
  maxFileBytes,
  maxFiles,
}: Config['telemetry']['decisionLog']): NonNullable<TelemetryOptions['decisionLog']>['sink'] | undefined {
  switch (sink) {
    case 'off':
      return undefined;
    case 'stdout':
      return { kind: 'output' };
    case 'file':
      return path === undefined ? undefined : { kind: 'file', path, maxBytes: maxFileBytes, maxFiles };
    case 'otlp':
      return { kind: 'otlp' };
    default:
      return sink satisfies never;
  }
}

export function toCursorSecrets({ lists }: Config): readonly [string, ...string[]] {
  const [first, ...others] = lists.cursorSecrets;
  return first === undefined ? [randomBytes(SECRET_BYTES).toString('hex')] : [first, ...others];
}

export function isOneOf(principals: readonly Principal[]): (principal: Principal) => boolean {
  return ({ kind, id, account }) =>
    principals.some((other) => other.kind === kind && other.id === id && other.account === account);
}
