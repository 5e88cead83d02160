import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GATEWAY_DENIALS } from '../../src/authorize/gateway-denials.ts';
import { DEFAULT_IDENTITY_HEADERS } from '../../src/authorize/identity-headers.ts';
import type { ConfigTree, Envoy } from '../support/envoy.ts';
import { at, findEnvoy, loadEnvoyConfig, managerOf, startEnvoy } from '../support/envoy.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { readDeployedConfig, toTestConfig } from '../support/deployed-config.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';

const NAMES = Object.values(DEFAULT_IDENTITY_HEADERS);
const [KIND, ID, ACCOUNT, TASK] = NAMES;
/** Beside the account's, which is one of those, what taskgate finds a principal by where it trusts headers. */
const PRINCIPAL = ['x-taskgate-user-id', 'x-taskgate-service-account-id', 'x-taskgate-agent-id'] as const;
const YAML = JSON.stringify(toTestConfig(readDeployedConfig('envoy')));
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';

describe('deploy/envoy/envoy.yaml', async () => {
  const config = await loadEnvoyConfig();
  const manager = managerOf(config);
  const filters = Object.values(at(manager, 'http_filters')) as readonly ConfigTree[];
  const extAuthz = at(manager, 'http_filters', `name=${EXT_AUTHZ}`, 'typed_config');
  const clusters = Object.values(at(config, 'static_resources', 'clusters')) as readonly ConfigTree[];

  it('lets nothing pass that was not decided, and says so within its time', () => {
    expect(extAuthz).toMatchObject({
      transport_api_version: 'V3',
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      grpc_service: { envoy_grpc: { cluster_name: 'taskgate' }, timeout: '0.25s' },
      with_request_body: { pack_as_bytes: true },
      encode_raw_headers: true,
      include_peer_certificate: true,
      clear_route_cache: false,
    });
  });

  it('decides about the path that the application gets', () => {
    expect(manager).toMatchObject({
      normalize_path: true,
      merge_slashes: false,
      path_with_escaped_slashes_action: 'REJECT_REQUEST',
    });
  });

  it('asks after the token is verified and before the request is routed', () => {
    expect(filters.map((filter) => filter['name'])).toEqual([
      'envoy.filters.http.jwt_authn',
      EXT_AUTHZ,
      'envoy.filters.http.router',
    ]);
    expect(extAuthz['metadata_context_namespaces']).toEqual(['envoy.filters.http.jwt_authn']);
  });

  it("removes a client's own identity headers, whichever route it takes", () => {
    const mutations = at(manager, 'early_header_mutation_extensions', 0, 'typed_config', 'mutations');
    expect(Object.values(mutations)).toEqual([...NAMES, ...PRINCIPAL].map((name) => ({ remove: name })));
  });

  it('has every cluster that it refers to, and taskgate speaks HTTP/2', () => {
    const text = JSON.stringify(config);
    const named = [...text.matchAll(/"cluster(?:_name)?":"([^"]+)"/g)].map(([, name]) => name);
    expect(new Set(clusters.map((cluster) => cluster['name']))).toEqual(new Set(named));
    const taskgate = at(config, 'static_resources', 'clusters', 'name=taskgate', 'typed_extension_protocol_options');
    expect(JSON.stringify(taskgate)).toContain('http2_protocol_options');
  });

  it('asks nobody about the health check, and names one check itself', () => {
    const routes = at(manager, 'route_config', 'virtual_hosts', 0, 'routes');
    expect(at(routes, 0, 'match')).toEqual({ path: '/healthz' });
    expect(at(routes, 0, 'typed_per_filter_config', EXT_AUTHZ)).toMatchObject({ disabled: true });
    expect(at(routes, 1, 'typed_per_filter_config', EXT_AUTHZ, 'check_settings', 'context_extensions')).toEqual({
      'taskgate.type': 'task',
      'taskgate.id': '*',
      'taskgate.operation': 'create',
    });
  });
});

/** An issuer whose keys Envoy has. */
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key', alg: 'RS256', use: 'sig' }] });

function tokenOf(sub: string, claims: object = { account_id: 'acme' }): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = { iss: 'https://issuer.example.com', aud: 'api', exp: Math.floor(Date.now() / 1000) + 600, sub, ...claims };
  const signed = `${encode({ alg: 'RS256', kid: 'key' })}.${encode(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

const envoyBinary = findEnvoy();

it.skipIf(envoyBinary !== undefined || process.env['CI'] === undefined)('Envoy is there', () => {
  expect.fail('scripts/install-envoy.sh installs it');
});

describe.skipIf(envoyBinary === undefined)('behind a real Envoy', () => {
  const opened = new AsyncDisposableStack();
  let reached: IncomingMessage[] = [];
  let stores: SampleStores | undefined;
  let gate: TestTaskgate | undefined;
  let envoy: Envoy | undefined;
  const start = async (taskgate: string, edit: (config: ConfigTree) => void = () => undefined) =>
    startEnvoy(envoyBinary ?? '', { keys, clusters: { application: await application(), taskgate }, edit });

  async function application(): Promise<string> {
    const server = createServer((request, response) => {
      reached.push(request);
      request.resume().on('end', () => response.end('the application'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.defer(() => void server.close());
    const address = server.address();
    return typeof address === 'object' ? `127.0.0.1:${address?.port}` : '';
  }

  beforeAll(async () => {
    stores = opened.use(await startSampleStores());
    gate = opened.use(await startWithStores(stores, { yaml: YAML }));
    envoy = opened.use(await start(gate.addresses.grpc));
  });
  afterAll(async () => opened.disposeAsync());
  beforeEach(() => {
    reached = [];
  });

  interface Sent {
    readonly method?: string;
    readonly headers?: OutgoingHttpHeaders;
    readonly body?: string;
    readonly to?: Envoy | undefined;
  }

  async function send(path: string, token: string | undefined, { method = 'GET', headers = {}, body, to = envoy }: Sent = {}) {
    return exchangeHttp1(`http://${to?.address}${path}`, {
      method,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** The identity headers as the application gets them. */
  const identity = () => NAMES.map((name) => reached[0]?.headersDistinct[name]);

  it('is allowed, and the application learns who it is', async () => {
    expect(await send('/tasks/task-1?x=1', tokenOf('alice'))).toMatchObject({ status: 200, body: 'the application' });
    expect(identity()).toEqual([['user'], ['alice'], ['acme'], ['task-1']]);
    expect(reached[0]?.url).toBe('/tasks/task-1?x=1');
  });

  it.each([
    ['/tasks/task-1', 'alice', [['user'], ['alice'], ['acme'], ['task-1']]],
    ['/public', undefined, [undefined, undefined, undefined, undefined]],
    ['/healthz', undefined, [undefined, undefined, undefined, undefined]],
  ])('lets no forged identity through to %s', async (path, user, expected) => {
    const headers = { [KIND]: 'agent', [ID]: ['root', 'root2'], [ACCOUNT.toUpperCase()]: 'globex', [TASK]: 'task-9' };
    const { status } = await send(path, user === undefined ? undefined : tokenOf(user), { headers });
    expect([status, identity()]).toEqual([200, expected]);
  });

  it('believes no header that names a principal, though taskgate would believe Envoy', async () => {
    const headers = { 'x-taskgate-user-id': 'alice', 'X-Taskgate-Account-Id': 'acme' };
    expect((await send('/tasks/task-1', undefined, { headers })).status).toBe(401);
    expect((await send('/tasks/task-1', tokenOf('dave'), { headers })).status).toBe(404);
    expect(reached).toEqual([]);
    expect((await send('/tasks/task-1', tokenOf('alice'), { headers: { 'x-taskgate-agent-id': 'root' } })).status).toBe(200);
    expect(identity()).toEqual([['user'], ['alice'], ['acme'], ['task-1']]);
  });

  it('replaces every copy of a forged identity, where nothing has removed them before', async () => {
    const edit = (config: ConfigTree): void => {
      Reflect.deleteProperty(managerOf(config), 'early_header_mutation_extensions');
    };
    const yaml = JSON.stringify(toTestConfig(readDeployedConfig('envoy'), { alsoFrom: [] }));
    await using deployed = await startWithStores(stores ?? expect.unreachable(), { yaml });
    await using plain = await start(deployed.addresses.grpc, edit);
    const headers = { [KIND]: ['agent', 'agent'], [ID]: ['root', 'root2'], [ACCOUNT]: ['globex', ''], [TASK]: ['task-9', 'x'] };
    expect((await send('/tasks/task-1', tokenOf('alice'), { headers, to: plain })).status).toBe(200);
    expect(identity()).toEqual([['user'], ['alice'], ['acme'], ['task-1']]);
    reached = [];
    expect((await send('/public', undefined, { headers, to: plain })).status).toBe(200);
    expect(identity()).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('hides what is denied like what is absent, to the byte', async () => {
    const ask = async (path: string, user: string) => {
      const { status, headers, body } = await send(path, tokenOf(user));
      const { date: _date, ...rest } = headers;
      return { status, headers: rest, body };
    };
    const [absent, ...others] = await Promise.all([
      ask('/tasks/none', 'alice'),
      ask('/tasks/task-9', 'alice'),
      ask('/tasks/task-1', 'dave'),
      ask('/messages/msg-9', 'alice'),
      ask('/nothing', 'alice'),
    ]);
    const { status, headers, body } = GATEWAY_DENIALS.not_found;
    expect(absent).toMatchObject({ status, body, headers: Object.fromEntries(headers) });
    for (const other of others) expect(other).toEqual(absent);
    expect(reached).toEqual([]);
  });

  it('is told to say who it is', async () => {
    const { status, headers } = await send('/tasks/task-1', undefined);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
    const forged = tokenOf('alice').replace(/.{20}$/, 'A'.repeat(20));
    expect((await send('/tasks/task-1', forged)).status).toBe(401);
    expect((await send('/tasks/task-1', tokenOf('alice', {}))).status).toBe(401);
    expect(reached).toEqual([]);
  });

  it.each(['/tasks/x%2F..%2Ftask-1', '/tasks/x%5Ctask-1'])('is refused with an escaped slash: %s', async (path) => {
    expect((await send(path, tokenOf('alice'))).status).toBe(400);
    expect(reached).toEqual([]);
  });

  it('is decided about by the path that the application gets', async () => {
    expect((await send('/public/../tasks/task-9', tokenOf('alice'))).status).toBe(404);
    expect((await send('/tasks/task-9/../task-1', tokenOf('alice'))).status).toBe(200);
    expect(reached.map(({ url }) => url)).toEqual(['/tasks/task-1']);
  });

  const rpc = (task: string, padding = '') =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message/send', params: { task_id: task, padding } });

  it.each([
    ['of what is allowed', rpc('task-1'), 200],
    ['of what is denied', rpc('task-9'), 404],
    ['that is longer than Envoy sends', rpc('task-1', 'x'.repeat(100_000)), 400],
    ['that is empty', '', 400],
  ])('is decided about by its body, %s', async (_, body, status) => {
    const headers = { 'content-type': 'application/json' };
    const sent = await send('/rpc', tokenOf('alice'), { method: 'POST', body, headers });
    expect([sent.status, reached.length]).toEqual([status, status === 200 ? 1 : 0]);
  });

  it('takes the check from the route that Envoy took', async () => {
    expect((await send('/v2/new-task', tokenOf('alice'), { method: 'POST', body: '{}' })).status).toBe(200);
    expect(identity()).toEqual([['user'], ['alice'], ['acme'], undefined]);
    expect((await send('/v2/new-task', tokenOf('alice', { account_id: 'nowhere' }), { method: 'POST' })).status).toBe(403);
  });

  it('is told to come again where nothing can be decided, and nothing passes', async () => {
    await using nobody = await start('127.0.0.1:1');
    expect((await send('/tasks/task-1', tokenOf('alice'), { to: nobody })).status).toBe(503);
    expect((await send('/public', undefined, { to: nobody })).status).toBe(503);
    expect(reached).toEqual([]);
  });

  it('is told so in time where taskgate does not answer', async () => {
    const { spiceDb, ...others } = stores ?? expect.unreachable();
    await using link = await startFaultProxy(toProxyTarget(spiceDb.endpoint));
    const slow = { ...others, spiceDb: { ...spiceDb, endpoint: link.address } };
    await using silent = await startWithStores(slow, { yaml: YAML, grpc: 'socket' });
    await link.setMode('hang');
    await using waiting = await start(silent.addresses.grpc);
    const startedAtMs = performance.now();
    expect((await send('/tasks/task-1', tokenOf('alice'), { to: waiting })).status).toBe(503);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    expect(reached).toEqual([]);
  });
});
