import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { maskUrl } from '../../src/config/mask.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { expectProblems, expectValid, load, REQUIRED_ENV, SIGNING_SECRET, toDeps } from './support.ts';

const SECRETS = ['the-token', 'database-password', 'redis-password', SIGNING_SECRET];

/** Every setting away from its default. */
const EVERYTHING = `
listeners:
  grpc: { address: "unix:/run/taskgate.sock", socket_mode: "0600" }
  http: { address: "[::1]:1" }
  admin: { address: "0.0.0.0:2" }
principals:
  issuers:
    - { issuer: "https://a/", audiences: [x, y], jwks_url: "https://a/keys", algorithms: [EdDSA], claims: { user_id: sub, agent_id: [app, "x.id"], account: acme } }
    - { issuer: b, audiences: [x], jwks_url: "http://[::1]:3/keys", claims: { service_account_id: sub, account_id: [org, id] } }
  clock_tolerance_ms: 0
  max_token_bytes: 1024
  jwks: { timeout_ms: 900, max_age_ms: 2000, cooldown_ms: 3000, max_bytes: 2048 }
agentex: { signing_keys: [{ id: b, secret: ${SIGNING_SECRET} }, { id: a, secret: ${SIGNING_SECRET} }], principal_ttl_ms: 60000, api_key_header: x-key, max_items: 7 }
spicedb: { endpoint: "spicedb:50051", token: the-token, tls: { enabled: true, ca_file: /ca.pem }, timeout_ms: 900, sentinels: 3, retry_ratio: 0.25 }
database: { url: "postgres://reader:database-password@db:5432/app?sslmode=require", pool_size: 4, connect_timeout_ms: 40, timeout_ms: 300, max_queue: 5 }
breakers: { failure_ratio: 0.75, min_calls: 3, window_ms: 1000, open_ms: 20, max_open_ms: 30 }
redis:
  url: rediss://cache:6379/1
  username: taskgate
  password: redis-password
  timeout_ms: 30
  key_prefix: app:tg
  signing_keys: [{ id: second, secret: ${SIGNING_SECRET} }, { id: first, secret: ${SIGNING_SECRET} }]
parents: { memory_max_entries: 7, found_ttl_ms: 60000, absent_ttl_ms: 1, name_ttl_ms: 2, jitter: 0.25 }
limits: { default_timeout_ms: 1500, max_timeout_ms: 1500, max_message_bytes: 2048, max_batch_size: 10, max_concurrent_calls: 9, max_queued_calls: 0, max_calls_per_connection: 3, max_connections: 4, max_header_bytes: 2048, max_receiving_bytes: 4096, request_timeout_ms: 100, idle_timeout_ms: 1000 }
shutdown: { drain_delay_ms: 0, grace_ms: 1 }
denials: { reveal_readable: true }
consistency: { create: fully_consistent, read: fully_consistent, update: fully_consistent, delete: minimize_latency, execute: fully_consistent, cancel: minimize_latency }
log: { level: trace, format: json }
rollout: { provider: static, enforcement: shadow, dual_write: "off", types: { thing: { enforcement: enforce } }, accounts: { acme: { enforcement: "off", types: { message: { dual_write: "on" } } } }, off_answer: deny, bypass: [{ kind: agent, id: a, account: acme }, { kind: user, id: b }], shadow_timeout_ms: 9, max_shadow_checks: 8, flag_timeout_ms: 7, flag_refresh_ms: 10, flag_keep_ms: 11 }
gateway:
  forward_auth: { request_headers: original, denied_status: 403 }
  identity_headers: { task_id: x-task }
  ext_authz: { enabled: false, sends_bodies: true, claims_key: payload }
  principal: { from: [jwt, claims, headers], token_header: x-token, headers: { user_id: x-user, service_account_id: x-service, agent_id: x-agent, account_id: x-account }, claims: { user_id: sub, account_id: org } }
  base_path: /api
  routes:
    - { match: "GET,HEAD /things/{id}/**", check: { type: thing, id: "{id}", operation: read, consistency: fully_consistent } }
    - { match: "POST /messages", check: { type: message, id: "*", operation: create, parent: { type: task, name: "{body.a.b}" } }, also: [{ type: task, id: "{query.q}", operation: read, if_given: true }] }
    - { match: "POST /rpc", json_rpc: { m/n: { type: task, id: "{params.id}", name: "{params.name}", operation: update, create_if_absent: true, create_if_unnamed: true } } }
    - { match: "GET /", public: true }
    - { match: "GET /me", authenticated: true }
authzen: { enabled: false, policy_decision_point: "https://pdp.example.com/a", account_property: org, default_account: acme, types: { identity: user, doc: app/file }, actions: { GET: read }, searched_actions: [view], max_page_size: 10 }
types:
  message: { table: app.notes, id: key, name: slug, parents: { agent: agent_id, task: task_id }, operations: { read: agent.read, create: task.update } }
  event: ~
  schedule: ~
  thing: { registered: true, table: things, rows: { owner: { agent: maker, user: "meta->>'by'" }, account: org, parent: home_id, where: not gone }, tenant_relation: account, owner_relation: author, parent: { relation: home, type: thing, operation: read }, roles: { viewer: guest }, operations: { create: tenant.make_thing, read: see, share: lend } }
  other: { same_id_as: thing, operations: { cancel: thing.stop } }
`;
const SENTINEL = `redis: { mode: sentinel, sentinels: ["s0:1", "[::1]:2"], master_name: main, signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }] }`;
const CLUSTER = `redis: { mode: cluster, nodes: ["n0:1"], tls: true, signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }] }`;

/** Puts each masked secret back. */
function unmask(yaml: string): string {
  return yaml
    .replace(/token: .*/, 'token: the-token')
    .replace('reader:***@', 'reader:database-password@')
    .replaceAll(/secret: .*/g, `secret: ${SIGNING_SECRET}`)
    .replace(/password: .*/, 'password: redis-password');
}

test.each([
  ['everything', EVERYTHING],
  ['a sentinel', SENTINEL],
  ['a cluster', CLUSTER],
  ['the defaults', 'log: {}'],
])('%s, rendered and loaded again, is the same configuration', (_name, yaml) => {
  const required = `spicedb: { endpoint: "h:1", token: the-token }\ndatabase: { url: "postgres://reader:database-password@h/db" }\n`;
  const text = yaml === EVERYTHING ? yaml : required + yaml;
  const config = expectValid(loadConfig(toDeps({ yaml: text }), { mode: 'serve' }));
  const rendered = renderConfig(config);
  for (const secret of SECRETS) expect(rendered).not.toContain(secret);
  expect(expectValid(loadConfig(toDeps({ yaml: unmask(rendered) }), { mode: 'serve' }))).toEqual(config);
  expect(renderConfig(expectValid(loadConfig(toDeps({ yaml: unmask(rendered) }), { mode: 'serve' })))).toBe(rendered);
});

test('the demo, rendered and loaded again, is the same configuration', () => {
  const config = expectValid(loadConfig(toDeps({}), { mode: 'demo' }));
  expect(expectValid(loadConfig(toDeps({ yaml: renderConfig(config) }), { mode: 'demo' }))).toEqual(config);
});

test('loads as it is where the secrets come from the environment', () => {
  const env = { ...REQUIRED_ENV, TASKGATE_REDIS_URL: 'redis://:pw@h', TASKGATE_REDIS_SIGNING_SECRET: SIGNING_SECRET };
  const config = expectValid(load({ env }));
  expect(expectValid(load({ env, yaml: renderConfig(config) }))).toEqual(config);
});

test('loading says which secrets are still masked', () => {
  const rendered = renderConfig(
    expectValid(load({ yaml: EVERYTHING, env: { TASKGATE_SPICEDB_TOKEN: '', TASKGATE_DATABASE_URL: '' } })),
  );
  const problems = expectProblems(loadConfig(toDeps({ yaml: rendered }), { mode: 'serve' }));
  const masked = 'is masked (***): put the secret itself, ${NAME}, or set the environment variable';
  expect(problems).toEqual([
    `agentex.signing_keys[0].secret: ${masked}`,
    `agentex.signing_keys[1].secret: ${masked}`,
    `spicedb.token: ${masked}`,
    `database.url: ${masked}`,
    `redis.password: ${masked}`,
    `redis.signing_keys[0].secret: ${masked}`,
    `redis.signing_keys[1].secret: ${masked}`,
  ]);
});

test.each([
  ['postgres://u:p@h:5432/db?sslmode=require', 'postgres://u:***@h:5432/db?sslmode=require'],
  ['postgres://u:p%40%2F@h/db', 'postgres://u:***@h/db'],
  ['postgres://h/db?user=u&password=p', 'postgres://h/db?user=u&password=***'],
  ['postgres://h/db?password=p&password=q', 'postgres://h/db?password=***'],
  ['postgresql://u@h/db', 'postgresql://u@h/db'],
  ['postgres:///db?host=/run/postgresql', 'postgres:///db?host=/run/postgresql'],
  ['redis://:p@h/0', 'redis://:***@h/0'],
  ['not a url with p', '***'],
])('masks the password of %s', (url, expected) => {
  expect(maskUrl(url)).toBe(expected);
});
