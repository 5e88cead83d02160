import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { DEFAULT_IDENTITY_HEADERS } from '../../src/authorize/identity-headers.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Operation } from '../../src/domain/operation.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createSettingsSchema } from '../../src/config/settings-schema.ts';
import { expectValid, load, SIGNING_SECRET, toDeps } from './support.ts';

const EXAMPLE = readFileSync(new URL('../../deploy/taskgate.yaml', import.meta.url), 'utf8');

const { types, ...defaults } = expectValid(load({}));

test('fills in every default', () => {
  const { sources: _sources, registrations: _registrations, ...settings } = defaults;
  expect(settings).toEqual({
    listeners: {
      grpc: { address: { kind: 'tcp', host: '127.0.0.1', port: 50_051 }, socketMode: 0o660 },
      http: { address: { kind: 'tcp', host: '127.0.0.1', port: 8080 } },
      admin: { address: { kind: 'tcp', host: '127.0.0.1', port: 9090 } },
    },
    authentication: {
      callers: [],
      socketCaller: { name: 'socket', permissions: ['check', 'filter', 'write'] },
      reloadIntervalMs: 5000,
    },
    principals: {
      issuers: [],
      clockToleranceMs: 5_000,
      maxTokenBytes: 8_192,
      keySets: { timeoutMs: 1_000, maxAgeMs: 600_000, cooldownMs: 30_000, maxBytes: 262_144 },
      gateway: {
        from: [],
        tokenHeader: 'authorization',
        headers: {
          user_id: 'x-taskgate-user-id',
          service_account_id: 'x-taskgate-service-account-id',
          agent_id: 'x-taskgate-agent-id',
          account_id: 'x-taskgate-account-id',
        },
      },
    },
    spicedb: {
      endpoint: 'localhost:50052',
      token: 'a-token',
      tls: { enabled: false },
      timeoutMs: 1000,
      sentinels: 128,
      watchSilenceMs: 500,
      retryRatio: 0.1,
    },
    decisions: { cache: true, maxEntries: 50_000, ttlMs: 4_000, floorTtlMs: 11_000, recent: 1_000 },
    database: {
      url: 'postgres://reader@localhost/app',
      poolSize: 10,
      connectTimeoutMs: 400,
      timeoutMs: 500,
      maxQueue: 100,
    },
    breakers: { failureRatio: 0.5, minCalls: 10, windowMs: 5000, openMs: 500, maxOpenMs: 2000 },
    parents: { memoryMaxEntries: 50_000, foundTtlMs: 3_600_000, absentTtlMs: 5000, nameTtlMs: 5000, jitter: 0.1 },
    limits: {
      defaultTimeoutMs: 2000,
      maxTimeoutMs: 10_000,
      maxMessageBytes: 4_194_304,
      maxBatchSize: 1000,
      maxConcurrentCalls: 1024,
      maxQueuedCalls: 1024,
      maxCallsPerConnection: 256,
      maxConnections: 2048,
      maxHeaderBytes: 16_384,
      maxReceivingBytes: 8_388_608,
      requestTimeoutMs: 10_000,
      idleTimeoutMs: 300_000,
      maxStreamTimeoutMs: 300_000,
      stallTimeoutMs: 60_000,
    },
    lists: { cursorSecrets: [], unscoped: [] },
    shutdown: { drainDelayMs: 1000, graceMs: 10_000 },
    denials: { revealReadable: false, hiddenWindowMs: 60_000, hiddenSuspectAt: 100 },
    consistency: new Map<Operation, Consistency>([
      ['create', MINIMIZE_LATENCY],
      ['read', MINIMIZE_LATENCY],
      ['update', MINIMIZE_LATENCY],
      ['delete', FULLY_CONSISTENT],
      ['execute', MINIMIZE_LATENCY],
      ['cancel', FULLY_CONSISTENT],
      ['share', FULLY_CONSISTENT],
    ]),
    gateway: {
      basePath: '',
      routes: [],
      identityHeaders: DEFAULT_IDENTITY_HEADERS,
      extAuthz: {
        enabled: true,
        sendsBodies: false,
        metadataFilter: 'envoy.filters.http.jwt_authn',
        claimsKey: 'jwt_payload',
        decisionIdInMetadata: false,
      },
    },
    log: { level: 'info', format: 'auto' },
    authzen: {
      enabled: true,
      accountProperty: 'account',
      types: new Map(),
      actions: new Map(),
      searchedActions: [],
      maxPageSize: 1000,
    },
    rollout: {
      provider: { kind: 'static', types: new Map(), accounts: new Map() },
      default: { enforcement: 'enforce', dualWrite: 'on' },
      offAnswer: 'allow',
      bypass: [],
      shadowTimeoutMs: 1000,
      maxShadowChecks: 256,
      flagTimeoutMs: 100,
      flagRefreshMs: 5000,
      flagKeepMs: 60_000,
    },
    telemetry: {
      serviceName: 'taskgate',
      metrics: { otlp: false, intervalMs: 60_000 },
      traces: { enabled: false, sampleRatio: 0.01, followParent: true },
      decisionLog: {
        sink: 'off',
        maxFileBytes: 104_857_600,
        maxFiles: 5,
        bufferBytes: 1_048_576,
        sample: { allowed: 1, notFound: 1, forbidden: 1, listed: 1, error: 1 },
        mask: [],
      },
    },
  });
});

test('fills in the defaults of forward-auth, which is not there without its section', () => {
  const { gateway } = expectValid(load({ yaml: 'gateway: { forward_auth: {} }' }));
  expect(gateway.forwardAuth).toEqual({ requestHeaders: 'forwarded', deniedStatus: 404 });
  expect(defaults.gateway.forwardAuth).toBeUndefined();
});

test('fills in the defaults of redis', () => {
  const env = { TASKGATE_REDIS_URL: 'redis://localhost:6379', TASKGATE_REDIS_SIGNING_SECRET: SIGNING_SECRET };
  expect(expectValid(load({ env })).redis).toEqual({
    mode: 'single',
    url: 'redis://localhost:6379',
    tls: false,
    timeoutMs: 25,
    keyPrefix: 'taskgate',
    signingKeys: [{ id: 'env', secret: SIGNING_SECRET }],
  });
});

test.each([
  [
    'task',
    [
      'create:tenant.create_task',
      'read:read',
      'update:update',
      'delete:delete',
      'execute:execute',
      'cancel:cancel',
      'share:share',
    ],
  ],
  [
    'agent',
    ['create:tenant.create_agent', 'read:read', 'update:update', 'delete:delete', 'execute:execute', 'share:share'],
  ],
  ['api_key', ['create:tenant.create_api_key', 'read:read', 'update:update', 'delete:delete', 'share:share']],
  [
    'schedule',
    [
      'create:tenant.create_schedule',
      'read:read',
      'update:update',
      'delete:delete',
      'execute:execute',
      'cancel:cancel',
      'share:share',
    ],
  ],
  ['message', ['create:task.update', 'read:task.read', 'update:task.update', 'delete:task.update']],
  ['state', ['create:task.update', 'read:task.read', 'update:task.update', 'delete:task.delete']],
  ['tracker', ['read:task.read', 'update:task.execute', 'execute:task.execute']],
  ['event', ['create:task.update', 'read:agent.read']],
  ['checkpoint', ['read:task.read', 'update:task.update', 'delete:task.delete']],
])('maps the operations of %s by default', (name, expected) => {
  const rules = [...(types.get(name)?.rules ?? [])].map(([operation, rule]) => {
    const target = { self: '', tenant: 'tenant.', parent: rule.kind === 'parent' ? `${rule.parentType}.` : '' }[
      rule.kind
    ];
    return `${operation}:${target}${rule.permission}`;
  });
  expect(rules).toEqual(expected);
});

test('knows which default types are registered, which have a name, and where they are looked up', () => {
  const kinds = [...types.values()].map(({ name, registered, named }) => [name, registered, named]);
  expect(kinds).toEqual([
    ['task', true, true],
    ['agent', true, true],
    ['api_key', true, false],
    ['schedule', true, false],
    ['message', false, false],
    ['state', false, false],
    ['tracker', false, false],
    ['event', false, false],
    ['checkpoint', false, false],
  ]);
  expect(defaults.sources).toEqual([
    { kind: 'postgres', type: 'task', table: 'tasks', id: 'id', name: 'name', parents: {} },
    { kind: 'postgres', type: 'agent', table: 'agents', id: 'id', name: 'name', parents: {} },
    { kind: 'postgres', type: 'api_key', table: 'api_keys', id: 'id', parents: {} },
    { kind: 'postgres', type: 'schedule', table: 'schedules', id: 'id', parents: {} },
    { kind: 'postgres', type: 'message', table: 'messages', id: 'id', parents: { task: 'task_id' } },
    { kind: 'postgres', type: 'state', table: 'states', id: 'id', parents: { task: 'task_id' } },
    { kind: 'postgres', type: 'tracker', table: 'agent_task_tracker', id: 'id', parents: { task: 'task_id' } },
    { kind: 'postgres', type: 'event', table: 'events', id: 'id', parents: { agent: 'agent_id', task: 'task_id' } },
    { kind: 'same_id', type: 'checkpoint', parentType: 'task' },
  ]);
  const parent = { relation: 'parent', type: 'agent', operation: 'execute' };
  const relations = { tenantRelation: 'tenant', ownerRelation: 'owner' };
  const three = ['owner', 'editor', 'viewer'].map((role) => [role, role] as const);
  const all = new Map([...three, ['executor', 'executor']]);
  expect(defaults.registrations).toEqual([
    { type: 'task', ...relations, parent, roles: all },
    { type: 'agent', ...relations, roles: all },
    { type: 'api_key', ...relations, parent, roles: new Map(three) },
    { type: 'schedule', ...relations, parent, roles: all },
  ]);
});

test('needs no stores and drains at once for the demo', () => {
  const demo = expectValid(loadConfig(toDeps({}), { mode: 'demo' }));
  const { endpoint: _endpoint, token: _token, ...spicedb } = defaults.spicedb;
  const { url: _url, ...database } = defaults.database;
  const quiet = { ...spicedb, watchSilenceMs: 0 };
  expect(demo).toEqual({
    ...defaults,
    types,
    spicedb: quiet,
    database,
    shutdown: { drainDelayMs: 0, graceMs: 10_000 },
  });
});

test('the example file is the defaults', () => {
  expect(expectValid(load({ yaml: EXAMPLE }))).toEqual({ ...defaults, types });
});

test('the example file is valid with every setting uncommented', () => {
  const yaml = EXAMPLE.replaceAll(/^( *)#(?=[a-z-])/gm, '$1').replace('enabled: false', 'enabled: true');
  const env = {
    SPICEDB_TOKEN: 'from-the-environment',
    DATABASE_URL: 'postgres://other@localhost/app',
    REDIS_PASSWORD: 'redis-password',
    REDIS_SIGNING_SECRET: SIGNING_SECRET,
    CURSOR_SECRET: SIGNING_SECRET,
    AGENTEX_SIGNING_SECRET: SIGNING_SECRET,
    OTLP_AUTHORIZATION: 'Bearer of-otlp',
    DECISION_LOG_HASH_KEY: SIGNING_SECRET,
  };
  const config = expectValid(loadConfig(toDeps({ yaml, env }), { mode: 'serve' }));
  expect(config.spicedb.token).toBe('from-the-environment');
  expect(config.spicedb.tls.caFile).toBe('/etc/taskgate/spicedb-ca.pem');
  expect(config.lists).toEqual({
    cursorSecrets: [SIGNING_SECRET],
    unscoped: [{ kind: 'service_account', id: 'indexer', account: 'acme' }],
  });
  expect(config.redis).toMatchObject({ mode: 'single', signingKeys: [{ id: 'key1', secret: SIGNING_SECRET }] });
});

test('the example file shows every setting', () => {
  const keys = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key === 'properties' && typeof child === 'object' && child !== null)
        Object.keys(child).forEach((name) => keys.add(name));
      collect(child);
    }
  };
  collect(z.toJSONSchema(createSettingsSchema(), { io: 'input', unrepresentable: 'any' }));
  expect(keys.size).toBeGreaterThan(60);
  expect([...keys].filter((key) => !new RegExp(`(^|[ #{,])${key}:`, 'm').test(EXAMPLE))).toEqual([]);
});

test('works with any of the required variables from YAML instead', () => {
  const yaml = `
spicedb: { endpoint: "spicedb:50051", token: abc }
database: { url: "postgresql://reader:pw@db:5432/app" }`;
  const config = expectValid(loadConfig(toDeps({ yaml }), { mode: 'serve' }));
  expect(config.spicedb).toMatchObject({ endpoint: 'spicedb:50051', token: 'abc' });
  expect(config.database.url).toBe('postgresql://reader:pw@db:5432/app');
});

test('every default permission is in the schema that is shipped', () => {
  const schema = readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');
  const definitions = new Map(
    Array.from(schema.matchAll(/^definition (\w+) \{\n([^]*?)^\}/gm), ([, name = '', body = '']) => [name, body]),
  );
  const missing: string[] = [];
  for (const { name, rules } of types.values()) {
    for (const rule of rules.values()) {
      const definition = { self: name, tenant: 'tenant', parent: rule.kind === 'parent' ? rule.parentType : '' }[
        rule.kind
      ];
      const isThere = new RegExp(`^\\tpermission ${rule.permission} =`, 'm').test(definitions.get(definition) ?? '');
      if (!isThere) missing.push(`${definition}#${rule.permission}`);
    }
  }
  expect(missing).toEqual([]);
});

test('every default relation is in the schema that is shipped', () => {
  const schema = readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');
  for (const { type, tenantRelation, ownerRelation, parent, roles } of defaults.registrations) {
    const body = new RegExp(`^definition ${type} \\{([^]*?)^\\}`, 'm').exec(schema)?.[1];
    for (const relation of [
      tenantRelation,
      ownerRelation,
      ...roles.values(),
      ...(parent === undefined ? [] : [parent.relation]),
    ]) {
      expect(body).toMatch(new RegExp(`^\\trelation ${relation}:`, 'm'));
    }
  }
});
