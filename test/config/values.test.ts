import { expect, test } from 'vitest';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { formatAddress, isLocalAddress, parseListenerAddress } from '../../src/config/address.ts';
import { expectValid, load, SIGNING_SECRET } from './support.ts';

const OTHER_SECRET = 'f'.repeat(32);

test.each([
  ['TASKGATE_GRPC_ADDRESS', 'unix:/run/a.sock', 'listeners: { grpc: { address: "localhost:1" } }'],
  ['TASKGATE_HTTP_ADDRESS', 'localhost:2', 'listeners: { http: { address: "localhost:1" } }'],
  ['TASKGATE_ADMIN_ADDRESS', '0.0.0.0:3', 'listeners: { admin: { address: "localhost:1" } }'],
  ['TASKGATE_SPICEDB_ENDPOINT', 'env:1', 'spicedb: { endpoint: "yaml:1" }'],
  ['TASKGATE_SPICEDB_TOKEN', 'env-token', 'spicedb: { token: yaml-token }'],
  ['TASKGATE_DATABASE_URL', 'postgres://env/app', 'database: { url: "postgres://yaml/app" }'],
])('%s wins over YAML', (variable, value, yaml) => {
  expect(load({ yaml, env: { [variable]: value } })).toEqual(load({ env: { [variable]: value } }));
  expect(load({ yaml, env: { [variable]: '' } })).not.toEqual(load({ env: { [variable]: value } }));
});

test('a variable wins over a value that could not be used', () => {
  const yaml = 'spicedb: { token: "${NOT_SET}" }';
  expect(load({ yaml })).toEqual(load({}));
});

test('all listeners may leave the port to the system', () => {
  const address = '127.0.0.1:0';
  const env = { TASKGATE_GRPC_ADDRESS: address, TASKGATE_HTTP_ADDRESS: address, TASKGATE_ADMIN_ADDRESS: address };
  expect(expectValid(load({ env })).listeners.http.address.port).toBe(0);
});

test('TASKGATE_REDIS_URL wins over YAML and leaves the other keys of redis alone', () => {
  const yaml = `redis: { url: "redis://yaml", timeout_ms: 9, signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }] }`;
  const { redis } = expectValid(load({ yaml, env: { TASKGATE_REDIS_URL: 'rediss://env' } }));
  expect(redis).toMatchObject({ url: 'rediss://env', tls: true, timeoutMs: 9, signingKeys: [{ id: 'a' }] });
});

test('the key from the environment signs, and those of YAML verify', () => {
  const yaml = `
redis:
  url: redis://localhost
  signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }, { id: env, secret: ${SIGNING_SECRET} }, { id: b, secret: ${SIGNING_SECRET} }]`;
  const { redis } = expectValid(load({ yaml, env: { TASKGATE_REDIS_SIGNING_SECRET: OTHER_SECRET } }));
  expect(redis?.signingKeys).toEqual([
    { id: 'env', secret: OTHER_SECRET },
    { id: 'a', secret: SIGNING_SECRET },
    { id: 'b', secret: SIGNING_SECRET },
  ]);
});

test.each([
  [
    'sentinel',
    'sentinels: ["s0:26379", "[::1]:26379"], master_name: main',
    {
      sentinels: [
        { host: 's0', port: 26_379 },
        { host: '::1', port: 26_379 },
      ],
      masterName: 'main',
    },
  ],
  ['cluster', 'nodes: ["n0:6379"]', { nodes: [{ host: 'n0', port: 6379 }] }],
])('reads the addresses of a Redis %s', (mode, keys, expected) => {
  const yaml = `redis: { mode: ${mode}, ${keys}, signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }] }`;
  expect(expectValid(load({ yaml })).redis).toMatchObject({ mode, tls: false, ...expected });
});

test('a listed type replaces the default one whole, null removes one, and the others stay', () => {
  const yaml = `
types:
  message: { table: app.notes, name: slug, parents: { agent: agent_id }, operations: { read: agent.read } }
  event: ~
  thing: { registered: true }`;
  const { types, sources, registrations } = expectValid(load({ yaml }));
  expect([...types.keys()]).toEqual([
    'task',
    'agent',
    'api_key',
    'schedule',
    'message',
    'state',
    'tracker',
    'checkpoint',
    'thing',
  ]);
  expect(types.get('message')).toEqual({
    name: 'message',
    registered: false,
    named: true,
    rules: new Map([['read', { kind: 'parent', parentType: 'agent', permission: 'read' }]]),
  });
  expect(sources.find(({ type }) => type === 'message')).toEqual({
    kind: 'postgres',
    type: 'message',
    table: 'app.notes',
    id: 'id',
    name: 'slug',
    parents: { agent: 'agent_id' },
  });
  expect(sources.some(({ type }) => type === 'thing')).toBe(false);
  expect(registrations.at(-1)).toEqual({
    type: 'thing',
    tenantRelation: 'tenant',
    ownerRelation: 'owner',
    roles: new Map([['owner', 'owner']]),
  });
});

test('a default type that is given rows alone keeps everything else', () => {
  const rows = 'rows: { owner: { user: created_by }, account: account_id }';
  const built = expectValid(load({ yaml: `types: { agent: { ${rows} } }` }));
  const plain = expectValid(load({ yaml: '' }));
  expect(built.types).toEqual(plain.types);
  expect(built.registrations).toEqual(plain.registrations);
  expect(built.sources.filter((source) => 'rows' in source)).toEqual([
    {
      ...plain.sources.find(({ type }) => type === 'agent'),
      rows: { owner: [{ kind: 'user', value: 'created_by' }], account: 'account_id' },
    },
  ]);
  expect(load({ yaml: `types: { thing: { ${rows} } }` })).toMatchObject({ kind: 'invalid' });
  expect(load({ yaml: `types: { agent: { ${rows}, table: agents } }` })).toMatchObject({ kind: 'invalid' });
  expect(load({ yaml: `types: { message: { ${rows} } }` })).toMatchObject({ kind: 'invalid' });
});

test('an operation keeps its default consistency if another is set', () => {
  const { consistency } = expectValid(
    load({ yaml: 'consistency: { update: fully_consistent, cancel: minimize_latency }' }),
  );
  expect(consistency.get('update')).toBe(FULLY_CONSISTENT);
  expect(consistency.get('cancel')).toBe(MINIMIZE_LATENCY);
  expect(consistency.get('delete')).toBe(FULLY_CONSISTENT);
});

test.each(['', '# nothing', 'listeners:', 'listeners: { grpc: }', 'redis:', 'types:', 'types: { }'])(
  'an empty section is the default: %j',
  (yaml) => {
    expect(load({ yaml })).toEqual(load({}));
  },
);

test.each([
  ['localhost:1', true],
  ['LOCALHOST:1', true],
  ['127.0.0.1:0', true],
  ['127.255.255.254:1', true],
  ['[::1]:1', true],
  ['[0:0:0:0:0:0:0:1]:1', true],
  ['unix:/run/a.sock', true],
  ['unix:///run/a.sock', true],
  ['0.0.0.0:1', false],
  ['128.0.0.1:1', false],
  ['[::]:1', false],
  ['[::2]:1', false],
  ['localhost.example.com:1', false],
  ['10.0.0.1:65535', false],
])('parses %s, and whether only this machine reaches it', (text, isLocal) => {
  const address = parseListenerAddress(text);
  if (address === undefined) throw new Error('not parsed');
  expect(isLocalAddress(address)).toBe(isLocal);
  expect(parseListenerAddress(formatAddress(address))).toEqual(address);
});

test.each([
  '',
  'localhost',
  ':1',
  'localhost:',
  'localhost:65536',
  'localhost:1x',
  '::1:1',
  '[localhost]:1',
  '[::1]',
  '127.1:1',
  '256.0.0.1:1',
  'a b:1',
  'u@h:1',
  'http://h:1',
  'unix:',
  'unix:a',
  `unix:/${'a'.repeat(107)}`,
])('refuses the address %j', (text) => {
  expect(parseListenerAddress(text)).toBeUndefined();
});
