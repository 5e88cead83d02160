// The configuration in the terms of what it configures.
import { randomBytes } from 'node:crypto';
import type { HiddenDenialOptions } from './authorize/hidden-denials.ts';
import type { CallersOptions } from './callers/open-callers.ts';
import { isLocalAddress } from './config/address.ts';
import type { Config } from './config/config.ts';
import type { CallerPermission } from './domain/caller.ts';
import type { Principal } from './domain/principal.ts';
import type { AdminAccess } from './http/guard-admin.ts';
import type { ParentChainOptions } from './parents/parent-chain.ts';
import type { PrincipalsOptions } from './principals/open-principals.ts';
import type { CachingOptions } from './relationships/relationship-chain.ts';
import type { RolloutOptions } from './rollout/open-rollout.ts';
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

export function toPrincipalsOptions({ principals, authentication }: Config): PrincipalsOptions {
  return { ...principals, reloadIntervalMs: authentication.reloadIntervalMs };
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
  const { allowed, notFound, forbidden, listed, error } = decisionLog.sample;
  return {
    ...(otlp === undefined ? {} : { otlp: { ...otlp, serviceName } }),
    ...(metrics.otlp ? { metrics } : {}),
    ...(traces.enabled ? { traces } : {}),
    ...(sink === undefined
      ? {}
      : {
          decisionLog: {
            sink,
            sampling: { ALLOWED: allowed, NOT_FOUND: notFound, FORBIDDEN: forbidden, LISTED: listed, ERROR: error },
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

export function toRolloutOptions({ rollout, types }: Config): RolloutOptions {
  const { provider, default: safeDefault, flagTimeoutMs, flagRefreshMs, flagKeepMs } = rollout;
  return {
    provider: provider.kind === 'static' ? { kind: 'static', flags: { ...provider, default: safeDefault } } : provider,
    safeDefault,
    types: [...types.keys()],
    kept: { timeoutMs: flagTimeoutMs, refreshMs: flagRefreshMs, keepMs: flagKeepMs },
  };
}

/** Undefined where nobody is, so that nobody has to be compared. */
export function toIsBypassed({ rollout: { bypass } }: Config): ((principal: Principal) => boolean) | undefined {
  if (bypass.length === 0) return undefined;
  return ({ kind, id, account }) =>
    bypass.some((other) => other.kind === kind && other.id === id && (other.account ?? account) === account);
}

export function isOneOf(principals: readonly Principal[]): (principal: Principal) => boolean {
  return ({ kind, id, account }) =>
    principals.some((other) => other.kind === kind && other.id === id && other.account === account);
}

/** A token is the only proof that can be shown there: the listener has no TLS, so nobody has a certificate. */
export function toAdminAccess({ listeners: { admin }, authentication }: Config): AdminAccess {
  const { tokensFile, callers } = authentication;
  if (tokensFile !== undefined) return 'token';
  return callers.length === 0 && isLocalAddress(admin.address) ? 'open' : 'off';
}

/** The settings that bear on decisions, for operators. */
export function toFlags({ decisions, denials }: Config): Readonly<Record<string, string>> {
  return {
    'decisions.cache': String(decisions.cache),
    'denials.reveal_readable': String(denials.revealReadable),
    'denials.hidden_limit': denials.hiddenLimit === undefined ? 'none' : String(denials.hiddenLimit),
  };
}
