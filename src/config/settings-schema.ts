import { z } from 'zod';
import { CALLER_NAME, CALLER_NAME_RULE, CALLER_PERMISSIONS, COMMON_PERMISSIONS } from '../domain/caller.ts';
import { OPERATIONS } from '../domain/operation.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import { createRolloutSchema } from './rollout-settings.ts';
import {
  MIN_SIGNING_SECRET_LENGTH,
  choice,
  columnName,
  definitionName,
  flag,
  fraction,
  headerSecret,
  httpsUrl,
  integer,
  listenerAddress,
  listOf,
  parsedServerAddress,
  pattern,
  relationName,
  secret,
  secretUrl,
  signingKeys,
  serverAddress,
  socketMode,
  spiffeId,
  sqlExpression,
  tableName,
  tcpAddress,
  text,
} from './fields.ts';
import { createExtAuthzSchema, createIdentityHeadersSchema } from './ext-authz-settings.ts';
import { createAgentexSchema, createGatewayPrincipalSchema, createPrincipalsSchema } from './principal-settings.ts';
import { createForwardAuthSchema } from './forward-auth-settings.ts';
import { createTelemetrySchema } from './telemetry-settings.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

const consistency = () => choice(['minimize_latency', 'fully_consistent']);

/*
 * Schemas are made when they are needed, and not kept: that of the configuration alone is 6 MB of small objects, which
 * every full collection would walk through for as long as the process lives.
 */

/** One entry of `types`. Which keys go together is checked in `build-types.ts`, where each mistake has its own message. */
const createTypeSchema = () =>
  z.object({
    registered: flag().default(false),
    table: tableName().exactOptional(),
    id: columnName().exactOptional(),
    name: columnName().exactOptional(),
    same_id_as: text().exactOptional(),
    parents: z.record(z.string(), columnName()).exactOptional(),
    tenant_relation: relationName().exactOptional(),
    owner_relation: relationName().exactOptional(),
    parent: z
      .object({
        relation: relationName().exactOptional(),
        type: text().exactOptional(),
        operation: choice(OPERATIONS).default('execute'),
      })
      .exactOptional(),
    roles: z
      .object({
        owner: relationName().exactOptional(),
        editor: relationName().exactOptional(),
        viewer: relationName().exactOptional(),
        executor: relationName().exactOptional(),
      })
      .exactOptional(),
    rows: z
      .object({
        owner: z.record(z.string(), sqlExpression()).exactOptional(),
        account: sqlExpression().exactOptional(),
        parent: sqlExpression().exactOptional(),
        where: sqlExpression().exactOptional(),
      })
      .exactOptional(),
    operations: z
      .object({
        create: text().exactOptional(),
        read: text().exactOptional(),
        update: text().exactOptional(),
        delete: text().exactOptional(),
        execute: text().exactOptional(),
        cancel: text().exactOptional(),
        share: text().exactOptional(),
      })
      .prefault({}),
  });

/** `types`. */
export const createTypesSchema = () => z.record(z.string(), z.nullable(createTypeSchema()));

const createRedisSchema = () =>
  z.object({
    mode: choice(['single', 'sentinel', 'cluster']).default('single'),
    url: secretUrl(['redis:', 'rediss:']).exactOptional(),
    sentinels: listOf(parsedServerAddress(), 'must be a list of host:port').exactOptional(),
    master_name: text().exactOptional(),
    nodes: listOf(parsedServerAddress(), 'must be a list of host:port').exactOptional(),
    username: text().exactOptional(),
    password: secret(1).exactOptional(),
    tls: flag().exactOptional(),
    timeout_ms: integer(1, 10 * SECOND_MS).default(25),
    key_prefix: pattern(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and _ . : -').default('taskgate'),
    signing_keys: signingKeys().exactOptional(),
  });

const createTlsSchema = () =>
  z.object({
    cert_file: text().exactOptional(),
    key_file: text().exactOptional(),
    client_ca_file: text().exactOptional(),
  });

const callerName = () => pattern(CALLER_NAME, CALLER_NAME_RULE);
const callerPermissions = () =>
  listOf(choice(CALLER_PERMISSIONS), `must be a list of ${CALLER_PERMISSIONS.join(', ')}`);

const createAuthenticationSchema = () =>
  z.object({
    tokens_file: text().exactOptional(),
    callers: listOf(
      z.object(
        {
          name: callerName(),
          spiffe_id: spiffeId().exactOptional(),
          dns_name: text().exactOptional(),
          permissions: callerPermissions(),
        },
        'must be a mapping with name, spiffe_id or dns_name, and permissions',
      ),
      'must be a list of {name, spiffe_id or dns_name, permissions}',
    ).exactOptional(),
    socket_caller: z
      .object({
        name: callerName().default('socket'),
        permissions: callerPermissions().default([...COMMON_PERMISSIONS]),
      })
      .prefault({}),
    reload_interval_ms: integer(100, HOUR_MS).default(5 * SECOND_MS),
  });

const createAuthzenSchema = () =>
  z.object({
    enabled: flag().default(true),
    policy_decision_point: httpsUrl().exactOptional(),
    account_property: text().default('account'),
    default_account: text().exactOptional(),
    types: z.record(z.string(), definitionName()).prefault({}),
    actions: z.record(z.string(), relationName()).prefault({}),
    searched_actions: listOf(text(), 'must be a list of names of actions').exactOptional(),
    max_page_size: integer(1, 10_000).default(1000),
  });

/**
 * The tree that `TASKGATE_CONFIG` holds: leaves, ranges and defaults. Everything may be left out here; what is needed,
 * and what must go together, is checked in `check-settings.ts` and `build-types.ts`, so that a bad leaf hides no other
 * problem. `drain_delay_ms` and `watch_silence_ms` get their defaults
 * later, because they depend on the mode.
 */
export const createSettingsSchema = () =>
  z.object({
    listeners: z
      .object({
        grpc: z
          .object({
            address: listenerAddress().prefault('127.0.0.1:50051'),
            socket_mode: socketMode().prefault('0660'),
            tls: createTlsSchema().exactOptional(),
          })
          .prefault({}),
        http: z
          .object({ address: tcpAddress().prefault('127.0.0.1:8080'), tls: createTlsSchema().exactOptional() })
          .prefault({}),
        admin: z.object({ address: tcpAddress().prefault('127.0.0.1:9090') }).prefault({}),
      })
      .prefault({}),
    authentication: createAuthenticationSchema().prefault({}),
    principals: createPrincipalsSchema().prefault({}),
    agentex: createAgentexSchema().exactOptional(),
    spicedb: z
      .object({
        endpoint: serverAddress().exactOptional(),
        token: headerSecret().exactOptional(),
        tls: z.object({ enabled: flag().default(false), ca_file: text().exactOptional() }).prefault({}),
        timeout_ms: integer(1, MINUTE_MS).default(SECOND_MS),
        sentinels: integer(2, 1024).default(128),
        watch_silence_ms: integer(0, MINUTE_MS).exactOptional(),
        retry_ratio: fraction(0, 1).default(0.1),
      })
      .prefault({}),
    decisions: z
      .object({
        cache: flag().default(true),
        max_entries: integer(1, 10_000_000).default(50_000),
        ttl_ms: integer(SECOND_MS, 10 * MINUTE_MS).default(4 * SECOND_MS),
        floor_ttl_ms: integer(SECOND_MS, 10 * MINUTE_MS).default(11 * SECOND_MS),
        recent: integer(0, 10_000).default(1000),
      })
      .prefault({}),
    database: z
      .object({
        url: secretUrl(['postgres:', 'postgresql:']).exactOptional(),
        pool_size: integer(1, 1000).default(10),
        connect_timeout_ms: integer(1, MINUTE_MS).default(400),
        timeout_ms: integer(1, MINUTE_MS).default(500),
        max_queue: integer(0, 10_000).default(100),
      })
      .prefault({}),
    breakers: z
      .object({
        failure_ratio: fraction(0.01, 1).default(0.5),
        min_calls: integer(1, 10_000).default(10),
        window_ms: integer(100, 10 * MINUTE_MS).default(5 * SECOND_MS),
        open_ms: integer(10, MINUTE_MS).default(500),
        max_open_ms: integer(10, 10 * MINUTE_MS).default(2 * SECOND_MS),
      })
      .prefault({}),
    redis: createRedisSchema().exactOptional(),
    parents: z
      .object({
        memory_max_entries: integer(1, 10_000_000).default(50_000),
        found_ttl_ms: integer(SECOND_MS, DAY_MS).default(60 * MINUTE_MS),
        absent_ttl_ms: integer(1, MINUTE_MS).default(5 * SECOND_MS),
        name_ttl_ms: integer(1, MINUTE_MS).default(5 * SECOND_MS),
        jitter: fraction(0, 0.5).default(0.1),
      })
      .prefault({}),
    limits: z
      .object({
        default_timeout_ms: integer(1, 10 * MINUTE_MS).default(2 * SECOND_MS),
        max_timeout_ms: integer(1, 10 * MINUTE_MS).default(10 * SECOND_MS),
        max_message_bytes: integer(KIBIBYTE, 64 * MEBIBYTE).default(4 * MEBIBYTE),
        max_batch_size: integer(1, 1000).default(1000),
        max_concurrent_calls: integer(1, 65_536).default(1024),
        max_queued_calls: integer(0, 65_536).default(1024),
        max_calls_per_connection: integer(1, 65_536).default(256),
        max_connections: integer(1, 65_536).default(2048),
        max_header_bytes: integer(KIBIBYTE, 256 * KIBIBYTE).default(16 * KIBIBYTE),
        max_receiving_bytes: integer(KIBIBYTE, 1024 * MEBIBYTE).default(8 * MEBIBYTE),
        request_timeout_ms: integer(100, 10 * MINUTE_MS).default(10 * SECOND_MS),
        idle_timeout_ms: integer(SECOND_MS, DAY_MS).default(5 * MINUTE_MS),
        max_stream_timeout_ms: integer(1, HOUR_MS).default(5 * MINUTE_MS),
        stall_timeout_ms: integer(SECOND_MS, HOUR_MS).default(MINUTE_MS),
      })
      .prefault({}),
    lists: z
      .object({
        cursor_secrets: listOf(secret(MIN_SIGNING_SECRET_LENGTH), 'must be a list of secrets').exactOptional(),
        unscoped: listOf(
          z.object(
            { kind: choice(PRINCIPAL_KINDS), id: text(), account: text() },
            'must be a mapping with kind, id and account',
          ),
          'must be a list of {kind, id, account}',
        ).exactOptional(),
      })
      .prefault({}),
    shutdown: z
      .object({
        drain_delay_ms: integer(0, 5 * MINUTE_MS).exactOptional(),
        grace_ms: integer(0, 10 * MINUTE_MS).default(10 * SECOND_MS),
      })
      .prefault({}),
    denials: z
      .object({
        reveal_readable: flag().default(false),
        hidden_window_ms: integer(SECOND_MS, HOUR_MS).default(MINUTE_MS),
        hidden_suspect_at: integer(1, 1_000_000).default(100),
        hidden_limit: integer(1, 1_000_000).exactOptional(),
      })
      .prefault({}),
    consistency: z
      .object({
        create: consistency().default('minimize_latency'),
        read: consistency().default('minimize_latency'),
        update: consistency().default('minimize_latency'),
        delete: consistency().default('fully_consistent'),
        execute: consistency().default('minimize_latency'),
        cancel: consistency().default('fully_consistent'),
        share: consistency().default('fully_consistent'),
      })
      .prefault({}),
    log: z
      .object({
        level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
        format: choice(['auto', 'json', 'pretty']).default('auto'),
      })
      .prefault({}),
    gateway: z
      .object({
        routes_file: text().exactOptional(),
        // Checked in `build-gateway.ts`, as the same list in a file is.
        routes: z.array(z.unknown(), 'must be a list of routes').exactOptional(),
        base_path: text().exactOptional(),
        principal: createGatewayPrincipalSchema().prefault({}),
        identity_headers: createIdentityHeadersSchema().prefault({}),
        ext_authz: createExtAuthzSchema().prefault({}),
        forward_auth: createForwardAuthSchema().exactOptional(),
      })
      .prefault({}),
    authzen: createAuthzenSchema().prefault({}),
    rollout: createRolloutSchema().prefault({}),
    telemetry: createTelemetrySchema().prefault({}),
    types: createTypesSchema().prefault({}),
  });

export type SettingsSchema = ReturnType<typeof createSettingsSchema>;

/** The checked tree in the shape of the YAML, with defaults. */
export type Settings = z.output<SettingsSchema>;

/** One entry of `types`, as written. */
export type TypeSettingsInput = z.input<ReturnType<typeof createTypeSchema>>;

/** One entry of `types`, with defaults. */
export type TypeSettings = z.output<ReturnType<typeof createTypeSchema>>;

/** `redis`, with defaults. */
export type RedisSettings = z.output<ReturnType<typeof createRedisSchema>>;

/** `authzen`, with defaults. */
export type AuthzenSettings = z.output<ReturnType<typeof createAuthzenSchema>>;

/** `tls` of a listener. */
export type TlsSettings = z.output<ReturnType<typeof createTlsSchema>>;

/** `authentication`, with defaults. */
export type AuthenticationSettings = z.output<ReturnType<typeof createAuthenticationSchema>>;
