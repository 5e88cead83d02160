import type { Consistency } from '../domain/consistency.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { BuiltTypes } from './build-types.ts';
import type {
  AuthenticationConfig,
  AuthzenConfig,
  Config,
  ConfigMode,
  GatewayRoutesConfig,
  ListenerTlsConfig,
  RedisConfig,
  SigningKey,
} from './config.ts';
import { ENVIRONMENT_KEY_ID } from './environment.ts';
import { toRolloutConfig } from './rollout-config.ts';
import { toForwardAuthConfig } from './forward-auth-settings.ts';
import { toExtAuthzConfig, toIdentityHeadersConfig } from './ext-authz-settings.ts';
import { toAgentexConfig, toPrincipalsConfig } from './to-principals-config.ts';
import type {
  AuthenticationSettings,
  AuthzenSettings,
  RedisSettings,
  Settings,
  TlsSettings,
} from './settings-schema.ts';
import { toTelemetryConfig } from './telemetry-settings.ts';

const SERVE_DRAIN_DELAY_MS = 1000;
const DEMO_DRAIN_DELAY_MS = 0;
const SERVE_WATCH_SILENCE_MS = 500;

const CONSISTENCIES: Readonly<Record<Settings['consistency']['read'], Consistency>> = {
  minimize_latency: MINIMIZE_LATENCY,
  fully_consistent: FULLY_CONSISTENT,
};

/** Checked settings in the shape that the program uses. */
export function toConfig(
  settings: Settings,
  { gateway: routes, ...types }: BuiltTypes & { readonly gateway: GatewayRoutesConfig },
  mode: ConfigMode,
): Config {
  const { listeners, spicedb, decisions, database, breakers, parents, limits, lists, shutdown, denials, log } =
    settings;
  const { consistency, gateway } = settings;
  const redis = settings.redis === undefined ? undefined : toRedisConfig(settings.redis);
  return {
    listeners: {
      grpc: {
        address: listeners.grpc.address,
        socketMode: listeners.grpc.socket_mode,
        ...toTlsConfig(listeners.grpc.tls),
      },
      http: { address: listeners.http.address, ...toTlsConfig(listeners.http.tls) },
      admin: listeners.admin,
    },
    authentication: toAuthenticationConfig(settings.authentication),
    principals: toPrincipalsConfig(settings.principals, settings.gateway.principal),
    ...toAgentexConfig(settings.agentex),
    spicedb: {
      ...(spicedb.endpoint === undefined ? {} : { endpoint: spicedb.endpoint }),
      ...(spicedb.token === undefined ? {} : { token: spicedb.token }),
      tls: {
        enabled: spicedb.tls.enabled,
        ...(spicedb.tls.ca_file === undefined ? {} : { caFile: spicedb.tls.ca_file }),
      },
      timeoutMs: spicedb.timeout_ms,
      sentinels: spicedb.sentinels,
      watchSilenceMs: spicedb.watch_silence_ms ?? (mode === 'serve' ? SERVE_WATCH_SILENCE_MS : 0),
      retryRatio: spicedb.retry_ratio,
    },
    decisions: {
      cache: decisions.cache,
      maxEntries: decisions.max_entries,
      ttlMs: decisions.ttl_ms,
      floorTtlMs: decisions.floor_ttl_ms,
      recent: decisions.recent,
    },
    database: {
      ...(database.url === undefined ? {} : { url: database.url }),
      poolSize: database.pool_size,
      connectTimeoutMs: database.connect_timeout_ms,
      timeoutMs: database.timeout_ms,
      maxQueue: database.max_queue,
    },
    breakers: {
      failureRatio: breakers.failure_ratio,
      minCalls: breakers.min_calls,
      windowMs: breakers.window_ms,
      openMs: breakers.open_ms,
      maxOpenMs: breakers.max_open_ms,
    },
    ...(redis === undefined ? {} : { redis }),
    parents: {
      memoryMaxEntries: parents.memory_max_entries,
      foundTtlMs: parents.found_ttl_ms,
      absentTtlMs: parents.absent_ttl_ms,
      nameTtlMs: parents.name_ttl_ms,
      jitter: parents.jitter,
    },
    limits: {
      defaultTimeoutMs: limits.default_timeout_ms,
      maxTimeoutMs: limits.max_timeout_ms,
      maxMessageBytes: limits.max_message_bytes,
      maxBatchSize: limits.max_batch_size,
      maxConcurrentCalls: limits.max_concurrent_calls,
      maxQueuedCalls: limits.max_queued_calls,
      maxCallsPerConnection: limits.max_calls_per_connection,
      maxConnections: limits.max_connections,
      maxHeaderBytes: limits.max_header_bytes,
      maxReceivingBytes: limits.max_receiving_bytes,
      requestTimeoutMs: limits.request_timeout_ms,
      idleTimeoutMs: limits.idle_timeout_ms,
      maxStreamTimeoutMs: limits.max_stream_timeout_ms,
      stallTimeoutMs: limits.stall_timeout_ms,
    },
    lists: { cursorSecrets: lists.cursor_secrets ?? [], unscoped: lists.unscoped ?? [] },
    shutdown: {
      drainDelayMs: shutdown.drain_delay_ms ?? (mode === 'serve' ? SERVE_DRAIN_DELAY_MS : DEMO_DRAIN_DELAY_MS),
      graceMs: shutdown.grace_ms,
    },
    denials: {
      revealReadable: denials.reveal_readable,
      hiddenWindowMs: denials.hidden_window_ms,
      hiddenSuspectAt: denials.hidden_suspect_at,
      ...(denials.hidden_limit === undefined ? {} : { hiddenLimit: denials.hidden_limit }),
    },
    consistency: new Map(OPERATIONS.map((operation) => [operation, CONSISTENCIES[consistency[operation]]])),
    gateway: {
      ...routes,
      identityHeaders: toIdentityHeadersConfig(gateway.identity_headers),
      extAuthz: toExtAuthzConfig(gateway.ext_authz),
      ...(gateway.forward_auth === undefined ? {} : { forwardAuth: toForwardAuthConfig(gateway.forward_auth) }),
    },
    log,
    authzen: toAuthzenConfig(settings.authzen),
    rollout: toRolloutConfig(settings.rollout),
    telemetry: toTelemetryConfig(settings.telemetry),
    ...types,
  };
}

/** Nothing where a file is missing, which is a problem that `checkCallers` has reported. */
function toTlsConfig(tls: TlsSettings | undefined): { readonly tls?: ListenerTlsConfig } {
  if (tls?.cert_file === undefined || tls.key_file === undefined) return {};
  const clientCa = tls.client_ca_file === undefined ? {} : { clientCaFile: tls.client_ca_file };
  return { tls: { certFile: tls.cert_file, keyFile: tls.key_file, ...clientCa } };
}

function toAuthenticationConfig(authentication: AuthenticationSettings): AuthenticationConfig {
  const { tokens_file: tokensFile, callers = [], socket_caller: socketCaller } = authentication;
  return {
    ...(tokensFile === undefined ? {} : { tokensFile }),
    callers: callers.map(toCertificateCaller),
    socketCaller,
    reloadIntervalMs: authentication.reload_interval_ms,
  };
}

function toCertificateCaller(
  caller: NonNullable<AuthenticationSettings['callers']>[number],
): AuthenticationConfig['callers'][number] {
  const { name, spiffe_id: spiffeId, dns_name: dnsName, permissions } = caller;
  const names = { ...(spiffeId === undefined ? {} : { spiffeId }), ...(dnsName === undefined ? {} : { dnsName }) };
  return { name, ...names, permissions };
}

function toAuthzenConfig(authzen: AuthzenSettings): AuthzenConfig {
  const { policy_decision_point: policyDecisionPoint, default_account: defaultAccount } = authzen;
  return {
    enabled: authzen.enabled,
    ...(policyDecisionPoint === undefined ? {} : { policyDecisionPoint }),
    accountProperty: authzen.account_property,
    ...(defaultAccount === undefined ? {} : { defaultAccount }),
    types: new Map(Object.entries(authzen.types)),
    actions: new Map(Object.entries(authzen.actions)),
    searchedActions: authzen.searched_actions ?? [],
    maxPageSize: authzen.max_page_size,
  };
}

/** Undefined where a key that the mode needs is missing, which is a problem that `checkRedis` has reported. */
function toRedisConfig(redis: RedisSettings): RedisConfig | undefined {
  const signingKeys = toSigningKeys(redis.signing_keys ?? []);
  if (signingKeys === undefined) return undefined;
  const common = {
    ...(redis.username === undefined ? {} : { username: redis.username }),
    ...(redis.password === undefined ? {} : { password: redis.password }),
    tls: redis.tls ?? redis.url?.startsWith('rediss:') ?? false,
    timeoutMs: redis.timeout_ms,
    keyPrefix: redis.key_prefix,
    signingKeys,
  };
  switch (redis.mode) {
    case 'single':
      return redis.url === undefined ? undefined : { ...common, mode: 'single', url: redis.url };
    case 'sentinel':
      return redis.sentinels === undefined || redis.master_name === undefined
        ? undefined
        : { ...common, mode: 'sentinel', sentinels: redis.sentinels, masterName: redis.master_name };
    case 'cluster':
      return redis.nodes === undefined ? undefined : { ...common, mode: 'cluster', nodes: redis.nodes };
    default:
      return redis.mode satisfies never;
  }
}

/** The key from the environment signs, wherever it stands: the environment wins over YAML. */
function toSigningKeys(keys: readonly SigningKey[]): readonly [SigningKey, ...SigningKey[]] | undefined {
  const isFromEnvironment = ({ id }: SigningKey): boolean => id === ENVIRONMENT_KEY_ID;
  const [first, ...others] = [...keys.filter(isFromEnvironment), ...keys.filter((key) => !isFromEnvironment(key))];
  return first === undefined ? undefined : [first, ...others];
}
