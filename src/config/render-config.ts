import { stringify } from 'yaml';
import type { Registration } from '../domain/registration.ts';
import type { RowValues } from '../domain/row-values.ts';
import type { CheckRule, ResourceType } from '../domain/type-model.ts';
import { formatRouteTable } from '../routes/format-route-table.ts';
import { formatAddress } from './address.ts';
import type {
  AuthenticationConfig,
  AuthzenConfig,
  Config,
  GatewayConfig,
  ListenerTlsConfig,
  RedisConfig,
} from './config.ts';
import { DEFAULT_TYPES } from './default-types.ts';
import { toExtAuthzTree, toIdentityHeadersTree } from './ext-authz-settings.ts';
import { toForwardAuthTree } from './forward-auth-settings.ts';
import { MASK, maskUrl } from './mask.ts';
import { toAgentexTree, toGatewayPrincipalTree, toPrincipalsTree } from './render-principals.ts';
import { toRolloutTree } from './render-rollout.ts';
import { toTelemetryTree } from './telemetry-settings.ts';

const HEADER =
  '# The effective configuration. Secrets are masked: put them back before this is used as TASKGATE_CONFIG.\n';
const OCTAL = 8;
const SOCKET_MODE_DIGITS = 4;

/**
 * The configuration as YAML that means the same when it is loaded, but for its secrets, which are `***` (loading says so
 * where no environment variable replaces one). URLs keep all but their password.
 */
export function renderConfig(config: Config): string {
  const { listeners, spicedb, decisions, database, breakers, redis, parents, limits, lists, shutdown } = config;
  const { denials, log } = config;
  const tree = {
    listeners: {
      grpc: {
        address: formatAddress(listeners.grpc.address),
        socket_mode: listeners.grpc.socketMode.toString(OCTAL).padStart(SOCKET_MODE_DIGITS, '0'),
        tls: toTlsTree(listeners.grpc.tls),
      },
      http: { address: formatAddress(listeners.http.address), tls: toTlsTree(listeners.http.tls) },
      admin: { address: formatAddress(listeners.admin.address) },
    },
    authentication: toAuthenticationTree(config.authentication),
    principals: toPrincipalsTree(config.principals),
    agentex: config.agentex && toAgentexTree(config.agentex),
    spicedb: {
      endpoint: spicedb.endpoint,
      token: spicedb.token === undefined ? undefined : MASK,
      tls: { enabled: spicedb.tls.enabled, ca_file: spicedb.tls.caFile },
      timeout_ms: spicedb.timeoutMs,
      sentinels: spicedb.sentinels,
      watch_silence_ms: spicedb.watchSilenceMs,
      retry_ratio: spicedb.retryRatio,
    },
    decisions: {
      cache: decisions.cache,
      max_entries: decisions.maxEntries,
      ttl_ms: decisions.ttlMs,
      floor_ttl_ms: decisions.floorTtlMs,
      recent: decisions.recent,
    },
    database: {
      url: database.url === undefined ? undefined : maskUrl(database.url),
      pool_size: database.poolSize,
      connect_timeout_ms: database.connectTimeoutMs,
      timeout_ms: database.timeoutMs,
      max_queue: database.maxQueue,
    },
    breakers: {
      failure_ratio: breakers.failureRatio,
      min_calls: breakers.minCalls,
      window_ms: breakers.windowMs,
      open_ms: breakers.openMs,
      max_open_ms: breakers.maxOpenMs,
    },
    redis: redis === undefined ? undefined : toRedisTree(redis),
    parents: {
      memory_max_entries: parents.memoryMaxEntries,
      found_ttl_ms: parents.foundTtlMs,
      absent_ttl_ms: parents.absentTtlMs,
      name_ttl_ms: parents.nameTtlMs,
      jitter: parents.jitter,
    },
    limits: {
      default_timeout_ms: limits.defaultTimeoutMs,
      max_timeout_ms: limits.maxTimeoutMs,
      max_message_bytes: limits.maxMessageBytes,
      max_batch_size: limits.maxBatchSize,
      max_concurrent_calls: limits.maxConcurrentCalls,
      max_queued_calls: limits.maxQueuedCalls,
      max_calls_per_connection: limits.maxCallsPerConnection,
      max_connections: limits.maxConnections,
      max_header_bytes: limits.maxHeaderBytes,
      max_receiving_bytes: limits.maxReceivingBytes,
      request_timeout_ms: limits.requestTimeoutMs,
      idle_timeout_ms: limits.idleTimeoutMs,
      max_stream_timeout_ms: limits.maxStreamTimeoutMs,
      stall_timeout_ms: limits.stallTimeoutMs,
    },
    lists: {
      cursor_secrets: lists.cursorSecrets.length === 0 ? undefined : lists.cursorSecrets.map(() => MASK),
      unscoped: lists.unscoped.length === 0 ? undefined : lists.unscoped,
    },
    shutdown: { drain_delay_ms: shutdown.drainDelayMs, grace_ms: shutdown.graceMs },
    denials: {
      reveal_readable: denials.revealReadable,
      hidden_window_ms: denials.hiddenWindowMs,
      hidden_suspect_at: denials.hiddenSuspectAt,
      ...(denials.hiddenLimit === undefined ? {} : { hidden_limit: denials.hiddenLimit }),
    },
    consistency: Object.fromEntries([...config.consistency].map(([operation, { kind }]) => [operation, kind])),
    log,
    gateway: {
      ...toGatewayTree(config.gateway),
      principal: toGatewayPrincipalTree(config.principals.gateway),
      identity_headers: toIdentityHeadersTree(config.gateway.identityHeaders),
      ext_authz: toExtAuthzTree(config.gateway.extAuthz),
      forward_auth: toForwardAuthTree(config.gateway.forwardAuth),
    },
    authzen: toAuthzenTree(config.authzen),
    rollout: toRolloutTree(config.rollout),
    telemetry: toTelemetryTree(config.telemetry),
    types: toTypesTree(config),
  };
  return HEADER + stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** A table from a file stays there: it is read again when this is loaded. */
function toGatewayTree({ routesFile, basePath, routes }: GatewayConfig) {
  return {
    routes_file: routesFile,
    base_path: basePath === '' ? undefined : basePath,
    routes: routesFile !== undefined || routes.length === 0 ? undefined : formatRouteTable(routes),
  };
}

function toTlsTree(tls: ListenerTlsConfig | undefined) {
  return tls && { cert_file: tls.certFile, key_file: tls.keyFile, client_ca_file: tls.clientCaFile };
}

function toAuthenticationTree({ tokensFile, callers, socketCaller, reloadIntervalMs }: AuthenticationConfig) {
  return {
    tokens_file: tokensFile,
    callers:
      callers.length === 0
        ? undefined
        : callers.map(({ name, spiffeId, dnsName, permissions }) => ({
            name,
            spiffe_id: spiffeId,
            dns_name: dnsName,
            permissions,
          })),
    socket_caller: socketCaller,
    reload_interval_ms: reloadIntervalMs,
  };
}

function toAuthzenTree(authzen: AuthzenConfig) {
  return {
    enabled: authzen.enabled,
    policy_decision_point: authzen.policyDecisionPoint,
    account_property: authzen.accountProperty,
    default_account: authzen.defaultAccount,
    types: Object.fromEntries(authzen.types),
    actions: Object.fromEntries(authzen.actions),
    searched_actions: authzen.searchedActions.length === 0 ? undefined : authzen.searchedActions,
    max_page_size: authzen.maxPageSize,
  };
}

function toRedisTree(redis: RedisConfig) {
  return {
    mode: redis.mode,
    ...toRedisAddresses(redis),
    username: redis.username,
    password: redis.password === undefined ? undefined : MASK,
    tls: redis.tls,
    timeout_ms: redis.timeoutMs,
    key_prefix: redis.keyPrefix,
    signing_keys: redis.signingKeys.map(({ id }) => ({ id, secret: MASK })),
  };
}

function toRedisAddresses(redis: RedisConfig) {
  switch (redis.mode) {
    case 'single':
      return { url: maskUrl(redis.url) };
    case 'sentinel':
      return { sentinels: redis.sentinels.map(formatAddress), master_name: redis.masterName };
    case 'cluster':
      return { nodes: redis.nodes.map(formatAddress) };
    default:
      return redis satisfies never;
  }
}

/** Every type whole, and null for each default type that was removed. */
function toTypesTree({ types, sources, registrations }: Config): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const { name, registered, rules } of types.values()) {
    const source = sources.find(({ type }) => type === name);
    const registration = registrations.find(({ type }) => type === name);
    tree[name] = {
      ...(registered ? { registered } : {}),
      ...(source?.kind === 'same_id' ? { same_id_as: source.parentType } : {}),
      ...(source?.kind === 'postgres' ? { table: source.table, id: source.id, name: source.name } : {}),
      ...(source?.kind === 'postgres' && !registered ? { parents: source.parents } : {}),
      tenant_relation: registration?.tenantRelation,
      owner_relation: registration?.ownerRelation,
      parent: registration?.parent,
      roles: toRolesTree(registration, rules),
      rows: source?.kind === 'postgres' ? toRowsTree(source.rows) : undefined,
      operations: Object.fromEntries([...rules].map(([operation, rule]) => [operation, formatRule(rule)])),
    };
  }
  for (const name of Object.keys(DEFAULT_TYPES)) if (!types.has(name)) tree[name] = null;
  return tree;
}

/** Roles that nobody can give are no setting: every type has its owner. */
function toRolesTree(registration: Registration | undefined, rules: ResourceType['rules']) {
  return registration === undefined || !rules.has('share') ? undefined : Object.fromEntries(registration.roles);
}

function toRowsTree(rows: RowValues | undefined) {
  if (rows === undefined) return undefined;
  return { ...rows, owner: Object.fromEntries(rows.owner.map(({ kind, value }) => [kind, value])) };
}

function formatRule(rule: CheckRule): string {
  switch (rule.kind) {
    case 'self':
      return rule.permission;
    case 'tenant':
      return `tenant.${rule.permission}`;
    case 'parent':
      return `${rule.parentType}.${rule.permission}`;
    default:
      return rule satisfies never;
  }
}
