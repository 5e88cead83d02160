import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { createAgentexClient as CreateClient, Somebody } from '../support/agentex.ts';
import { AGENTEX_SECRET, createAgentexClient, toApiKeysFile } from '../support/agentex.ts';
import { readMetric } from '../support/metrics.ts';
import { createTestDirectory } from '../support/files.ts';
import type { TestDirectory } from '../support/files.ts';
import { AUDIENCE, goodClaims, ISSUER, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { newToken, toTokensFile } from '../support/callers-taskgate.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import type { Exchange } from '../support/raw-exchange.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';

const opened = new AsyncDisposableStack();
let stores: SampleStores;
let issuer: TestIssuer;
let files: TestDirectory;
let gate: TestTaskgate;
let agentex: ReturnType<typeof CreateClient>;

const toYaml = async (rest = '', agentexRest = ''): Promise<string> => `
principals:
  issuers: [{ issuer: "${ISSUER}", audiences: [${AUDIENCE}], jwks_url: "${issuer.url}", claims: { user_id: sub, account_id: account_id } }]
  api_keys_file: ${await files.write('api-keys', toApiKeysFile())}
  jwks: { timeout_ms: 300 }
agentex: { signing_keys: [{ id: a, secret: "${AGENTEX_SECRET}" }]${agentexRest} }
${rest}`;

beforeAll(async () => {
  issuer = opened.use(await startIssuer());
  files = opened.use(await createTestDirectory());
  stores = opened.use(await startSampleStores());
  gate = opened.use(await startWithStores(stores, { yaml: await toYaml() }));
  agentex = createAgentexClient(gate.addresses.http);
});
afterAll(async () => opened.disposeAsync());

const DONE = [200, '{"success":true}'];
const DENIED = [403, '{"message":"denied"}'];
const UNAUTHENTICATED = [401, '{"message":"unauthenticated"}'];
const answerOf = ({ status, body }: Exchange): unknown[] => [status, body];
const task = (selector: string) => ({ type: 'task', selector });

describe('authn', () => {
  it('answers with the principal of an API key', async () => {
    const { status, headers, body } = await agentex.authn({ 'x-api-key': 'the-api-key-of-alice' });
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(headers['taskgate-decision-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(body)).toEqual({
      user_id: 'alice',
      service_account_id: null,
      agent_id: null,
      account_id: 'acme',
      metadata: {},
      signature: expect.stringMatching(/^1\.a\./),
    });
  });

  it('answers with the principal of a token, which holds no longer than the token', async () => {
    const claims = { ...goodClaims(), exp: Math.floor(Date.now() / 1_000) + 60 };
    const { status, body } = await agentex.authn({ authorization: `Bearer ${await issuer.sign(claims)}` });
    const principal = JSON.parse(body) as { signature: string };
    expect([status, principal]).toMatchObject([200, { user_id: 'alice', account_id: 'acme' }]);
    expect(Number(principal.signature.split('.')[2])).toBe(claims.exp * 1_000 + 5_000);
  });

  it('answers the same credentials with the same bytes', async () => {
    const [one, other] = [
      await agentex.authn({ 'x-api-key': 'the-api-key-of-bob' }),
      await agentex.authn({ 'x-api-key': 'the-api-key-of-bob' }),
    ];
    expect(one.body).toBe(other.body);
  });

  it.each<[string, () => Promise<Record<string, string | string[]>> | Record<string, string | string[]>]>([
    ['no credential', () => ({})],
    ['a key that nobody has', () => ({ 'x-api-key': 'the-api-key-of-nobody' })],
    ['an empty key', () => ({ 'x-api-key': '' })],
    ['a key in another header', () => ({ 'x-agent-api-key': 'the-api-key-of-alice' })],
    ['a key twice', () => ({ 'x-api-key': ['the-api-key-of-alice', 'the-api-key-of-alice'] })],
    ['a key as a token', () => ({ authorization: 'Bearer the-api-key-of-alice' })],
    ['another scheme', () => ({ authorization: 'Basic YWxpY2U6' })],
    ['a token that is none', () => ({ authorization: 'Bearer a.b.c' })],
    ['a token twice', () => ({ authorization: ['Bearer a.b.c', 'Bearer a.b.c'] })],
    ['a cookie', () => ({ cookie: 'user=alice' })],
    ['headers that a gateway would set', () => ({ 'x-taskgate-user-id': 'alice', 'x-taskgate-account-id': 'acme' })],
    [
      'a token that is over',
      async () => ({ authorization: `Bearer ${await issuer.sign({ ...goodClaims(), exp: 1 })}` }),
    ],
    [
      'a token for others',
      async () => ({ authorization: `Bearer ${await issuer.sign({ ...goodClaims(), aud: 'x' })}` }),
    ],
    [
      'a token and a key',
      async () => ({ authorization: `Bearer ${await issuer.sign(goodClaims())}`, 'x-api-key': 'the-api-key-of-alice' }),
    ],
  ])('answers 401 to %s', async (_name, headers) => {
    expect(answerOf(await agentex.authn(await headers()))).toEqual(UNAUTHENTICATED);
  });

  it('looks at no body', async () => {
    const { status } = await exchangeHttp1(`http://${gate.addresses.http}/v1/authn`, {
      headers: { 'x-api-key': 'the-api-key-of-alice', 'content-type': 'text/plain' },
      body: '{"user_id": "mallory"',
    });
    expect(status).toBe(200);
  });

  it('answers 503 while the keys of the issuer can not be had, and never 401', async () => {
    await using down = await startIssuer();
    const yaml = (await toYaml()).replace(issuer.url, down.url);
    await using other = await startWithStores(stores, { yaml });
    const token = await down.sign(goodClaims());
    const ask = async () => createAgentexClient(other.addresses.http).authn({ authorization: `Bearer ${token}` });
    for (const behaviour of [
      (_request: unknown, response: { destroy(): unknown }) => void response.destroy(),
      () => undefined,
    ]) {
      down.behave(behaviour);
      expect(answerOf(await ask())).toEqual([503, '{"message":"issuer is unavailable: nothing was decided"}']);
    }
    down.behave(undefined);
    await expect.poll(async () => (await ask()).status, { timeout: 5_000 }).toBe(200);
  });
});

describe('check', () => {
  it.each<[Somebody, string, string, string, unknown[]]>([
    ['alice', 'read', 'task', 'task-1', DONE],
    ['alice', 'delete', 'task', 'task-1', DONE],
    ['alice', 'cancel', 'task', 'task-1', DONE],
    ['alice', 'execute', 'agent', 'agent-1', DONE],
    ['bob', 'update', 'task', 'task-1', DONE],
    ['carol', 'read', 'task', 'task-1', DONE],
    ['dave', 'create', 'task', '*', DONE],
    ['dave', 'create', 'agent', '*', DONE],
    ['dave', 'create', 'api_key', '*', DONE],
    ['dave', 'create', 'schedule', '*', DONE],
    ['bot', 'create', 'task', '*', DONE],
    ['carol', 'update', 'task', 'task-1', DENIED],
    ['dave', 'read', 'task', 'task-1', DENIED],
    ['dave', 'read', 'task', 'task-absent', DENIED],
    ['mallory', 'read', 'task', 'task-1', DENIED],
    ['alice', 'read', 'task', 'task-9', DENIED],
    ['dave', 'delete', 'task', 'task-1', DENIED],
    ['dave', 'read', 'schedule', 'agent-1/daily', DENIED],
    ['dave', 'read', 'api_key', 'key-1', DENIED],
  ])('%s may %s %s %s: %j', async (who, operation, type, selector, expected) => {
    expect(answerOf(await agentex.check(who, operation, type, selector))).toEqual(expected);
  });

  it('answers absent, denied and other accounts with the same bytes', async () => {
    const shape = ({ status, headers, body }: Exchange) => {
      const { date: _date, 'taskgate-decision-id': id, ...rest } = headers;
      return JSON.stringify([status, rest, String(id).length, body]);
    };
    const answers = new Set<string>();
    for (const selector of ['task-1', 'task-9', 'task-5', 'absent', 'a/b', 'täsk', 'x'.repeat(1_000)]) {
      for (const operation of ['read', 'update', 'delete', 'execute', 'cancel']) {
        answers.add(shape(await agentex.check('dave', operation, 'task', selector)));
      }
    }
    answers.add(shape(await agentex.check('dave', 'read', 'agent', 'agent-1')));
    answers.add(shape(await agentex.check('dave', 'read', 'schedule', 'agent-1/absent')));
    expect(answers.size).toBe(1);
  });

  it('answers a denied operation of a reader with the same bytes where that is revealed elsewhere', async () => {
    await using revealing = await startWithStores(stores, { yaml: await toYaml('denials: { reveal_readable: true }') });
    const client = createAgentexClient(revealing.addresses.http);
    expect(answerOf(await client.check('carol', 'delete', 'task', 'task-1'))).toEqual(DENIED);
    expect(answerOf(await client.check('dave', 'delete', 'task', 'task-1'))).toEqual(DENIED);
  });
});

describe('a principal that authn did not answer with', () => {
  const paths = ['check', 'search', 'grant', 'revoke', 'register', 'deregister'];
  const rest = { resource: task('task-1'), operation: 'read', filter_resource: 'task', filter_operation: 'read' };

  it.each(paths)('is answered 401 by %s, whatever else is asked', async (path) => {
    const good = (await agentex.principalOf('alice')) as Record<string, unknown>;
    const mallory = (await agentex.principalOf('mallory')) as Record<string, unknown>;
    const { signature: _signature, ...unsigned } = good;
    for (const principal of [
      undefined,
      null,
      'alice',
      {},
      unsigned,
      { user_id: 'alice', account_id: 'acme' },
      { ...good, account_id: 'globex' },
      { ...good, user_id: 'bob' },
      { ...good, admin: true },
      { ...good, metadata: { a: 1 } },
      { ...good, signature: mallory['signature'] },
      { ...mallory, account_id: 'acme' },
    ]) {
      expect(answerOf(await agentex.post(path, { principal, ...rest }))).toEqual(UNAUTHENTICATED);
      expect(answerOf(await agentex.post(path, { principal, operation: 'nonsense' }))).toEqual(UNAUTHENTICATED);
    }
  });

  it('is not one of another deployment', async () => {
    const yaml = (await toYaml()).replace(AGENTEX_SECRET, `${AGENTEX_SECRET}2`);
    await using other = await startWithStores(stores, { yaml });
    const principal = await createAgentexClient(other.addresses.http).principalOf('alice');
    expect(answerOf(await agentex.post('check', { principal, ...rest }))).toEqual(UNAUTHENTICATED);
  });
});

describe('bad input', () => {
  const check = async (changes: Readonly<Record<string, unknown>>) => ({
    principal: await agentex.principalOf('alice'),
    resource: task('task-1'),
    operation: 'read',
    ...changes,
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['no resource', { resource: undefined }, 'resource: must be an object with type and selector'],
    ['a resource that is a text', { resource: 'task-1' }, 'resource: must be an object with type and selector'],
    ['a resource that is a list', { resource: ['task'] }, 'resource: must be an object with type and selector'],
    ['no type', { resource: { selector: 'task-1' } }, 'resource.type: must be one of agent, task, api_key, schedule'],
    [
      'an unknown type',
      { resource: { type: 'Task', selector: 'x' } },
      'resource.type: must be one of agent, task, api_key, schedule',
    ],
    [
      'a child type',
      { resource: { type: 'message', selector: 'msg-1' } },
      'resource.type: must be one of agent, task, api_key, schedule',
    ],
    ['no selector', { resource: { type: 'task' } }, 'resource.selector: must be a text'],
    ['a selector that is a number', { resource: { type: 'task', selector: 1 } }, 'resource.selector: must be a text'],
    ['an empty selector', { resource: task('') }, 'resource.selector: must not be empty'],
    ['a selector with NUL', { resource: task('a\0') }, 'resource.selector: must not contain NUL'],
    ['a long selector', { resource: task('a'.repeat(1_025)) }, 'resource.selector: must be at most 1024 bytes'],
    ['all that exist', { resource: task('*') }, 'resource.id: "*" goes with the operation create only'],
    ['creating what exists', { operation: 'create' }, 'resource.id: must be "*" to create a task'],
    [
      'no operation',
      { operation: undefined },
      'operation: must be one of create, read, update, delete, execute, cancel',
    ],
    [
      'an unknown operation',
      { operation: 'READ' },
      'operation: must be one of create, read, update, delete, execute, cancel',
    ],
    [
      'an operation of ours',
      { operation: 'share' },
      'operation: must be one of create, read, update, delete, execute, cancel',
    ],
    [
      'an operation that is a list',
      { operation: ['read'] },
      'operation: must be one of create, read, update, delete, execute, cancel',
    ],
    [
      'an operation that the type does not have',
      { resource: { type: 'agent', selector: 'agent-1' }, operation: 'cancel' },
      'operation: cancel is not configured for agent',
    ],
  ])('of a field is 400: %s', async (_name, changes, message) => {
    expect(answerOf(await agentex.post('check', await check(changes)))).toEqual([400, JSON.stringify({ message })]);
  });

  it.each<[string, (good: string) => string | Buffer, string]>([
    ['empty', () => '', 'body: must not be empty'],
    ['cut', (good) => good.slice(0, -1), 'body: must be JSON'],
    ['no JSON', () => 'principal=alice', 'body: must be JSON'],
    ['null', () => 'null', 'body: must be a JSON object'],
    ['a list', (good) => `[${good}]`, 'body: must be a JSON object'],
    ['with something behind it', (good) => `${good}{}`, 'body: must be JSON'],
    ['with a byte order mark', (good) => `\ufeff${good}`, 'body: must be JSON'],
    ['no UTF-8', (good) => Buffer.concat([Buffer.from(good), Buffer.from([0xff])]), 'body: must be UTF-8'],
    ['in UTF-16', (good) => Buffer.from(good, 'utf16le'), 'body: must be JSON'],
    ['with a key twice', (good) => `{"operation":"read",${good.slice(1)}`, 'body: must not have a key twice'],
    [
      'with an inner key twice',
      (good) => good.replace('"selector":', '"selector":"x","selector":'),
      'body: must not have a key twice',
    ],
    [
      'with a key twice, in two spellings',
      (good) => `{"\\u006fperation":"read",${good.slice(1)}`,
      'body: must not have a key twice',
    ],
    [
      'with a prototype twice',
      (good) => `{"__proto__":1,"__proto__":2,${good.slice(1)}`,
      'body: must not have a key twice',
    ],
    ['with half a character', (good) => good.replace('task-1', '\\ud800'), 'body: must be well-formed Unicode'],
    ['with half a character in a key', (good) => `{"\\udc00":1,${good.slice(1)}`, 'body: must be well-formed Unicode'],
    ['deep', (good) => `{"x":${'['.repeat(40)}${']'.repeat(40)},${good.slice(1)}`, 'body: must nest at most 32 levels'],
    [
      'with a number beyond the largest',
      (good) => `{"x":1e999,${good.slice(1)}`,
      'body: must not have a number that is too large',
    ],
    ['very deep', () => '['.repeat(1_000_000), 'body: must nest at most 32 levels'],
  ])('of a body is 400: %s', async (_name, change, message) => {
    const body = change(JSON.stringify(await check({})));
    expect(answerOf(await agentex.post('check', body))).toEqual([400, JSON.stringify({ message })]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-16',
    'application/jsonx',
    '',
  ])('of a content type is 400: %j', async (type) => {
    const answer = await agentex.post('check', await check({}), { 'content-type': type });
    expect(answerOf(answer)).toEqual([400, '{"message":"content-type: must be application/json in UTF-8"}']);
  });

  it('of an encoding is 400, of a length 413, of a method 405, of a path 404', async () => {
    const { status: encoded } = await agentex.post('check', await check({}), { 'content-encoding': 'gzip' });
    const { status: long } = await agentex.post('check', `{"x":"${'x'.repeat(5_000_000)}"}`);
    const { status: method, headers } = await exchangeHttp1(`http://${gate.addresses.http}/v1/authz/check`, {
      method: 'GET',
    });
    const { status: path } = await agentex.post('checks', await check({}));
    expect([encoded, long, method, headers['allow'], path]).toEqual([400, 413, 405, 'POST', 404]);
  });

  it('is nothing that harms others where it is cut in the middle', async () => {
    const { hostname, port } = new URL(`http://${gate.addresses.http}`);
    for (const length of [200, 100_000]) {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(`POST /v1/authz/check HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n{"principal":`);
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    expect(answerOf(await agentex.check('alice', 'read', 'task', 'task-1'))).toEqual(DONE);
  });

  it('is not what a key more is, with a name of its own', async () => {
    expect(answerOf(await agentex.post('check', await check({ trace: { a: 1 }, __proto: 1 })))).toEqual(DONE);
  });
});

describe('search', () => {
  const search = async (who: Somebody, filter_resource: string, filter_operation: string) =>
    answerOf(await agentex.ask(who, 'search', { filter_resource, filter_operation }));

  it.each<[Somebody, string, string, readonly string[]]>([
    ['alice', 'task', 'read', ['task-1']],
    ['carol', 'task', 'read', ['task-1']],
    ['carol', 'task', 'update', []],
    ['dave', 'task', 'read', []],
    ['mallory', 'task', 'read', ['task-9']],
    ['bob', 'agent', 'execute', ['agent-1']],
    ['dave', 'agent', 'read', []],
    ['alice', 'api_key', 'read', []],
    ['alice', 'schedule', 'cancel', []],
  ])('lists what %s may, of %s to %s: %j', async (who, type, operation, items) => {
    expect(await search(who, type, operation)).toEqual([200, JSON.stringify({ items, success: true })]);
  });

  it.each([
    ['message', 'read', 400],
    ['task', 'share', 400],
    ['task', 'create', 400],
    ['agent', 'cancel', 400],
  ])('of %s to %s is %d', async (type, operation, status) => {
    expect((await search('alice', type, operation))[0]).toBe(status);
  });

  it('says so where somebody reads all, of tasks', async () => {
    const yaml = await toYaml('lists: { unscoped: [{ kind: user, id: alice, account: acme }] }');
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    const tasks = await client.ask('alice', 'search', { filter_resource: 'task', filter_operation: 'read' });
    expect(answerOf(tasks)).toEqual([200, '{"unscoped":true}']);
    const agents = await client.ask('alice', 'search', { filter_resource: 'agent', filter_operation: 'read' });
    expect(answerOf(agents)).toEqual([200, '{"items":["agent-1"],"success":true}']);
  });

  it('is an error, and no part of a list, where it would be too long', async () => {
    await using other = await startWithStores(stores, { yaml: await toYaml('', ', max_items: 1') });
    const client = createAgentexClient(other.addresses.http);
    const list = async () => client.ask('bot', 'search', { filter_resource: 'schedule', filter_operation: 'read' });
    for (const id of ['agent-1/a', 'agent-1/b']) {
      expect(
        answerOf(await client.ask('bot', 'register', { resource: { type: 'schedule', selector: id }, parent: null })),
      ).toEqual(DONE);
    }
    expect((await list()).status).toBe(503);
    await client.ask('bot', 'deregister', { resource: { type: 'schedule', selector: 'agent-1/a' } });
    expect(answerOf(await list())).toEqual([200, '{"items":["agent-1/b"],"success":true}']);
    await client.ask('bot', 'deregister', { resource: { type: 'schedule', selector: 'agent-1/b' } });
  });
});

describe('what is written', () => {
  const schedule = { type: 'schedule', selector: 'agent-1/nightly run' };
  const parent = { type: 'agent', selector: 'agent-1' };
  const check = async (who: Somebody, operation: string, { type, selector }: typeof parent) =>
    (await agentex.check(who, operation, type, selector)).status;

  it('is a life from register over grant and revoke to deregister, each as often as you like', async () => {
    const owned = { resource: schedule, parent };
    for (let n = 0; n < 2; n += 1) expect(answerOf(await agentex.ask('alice', 'register', owned))).toEqual(DONE);
    // AgentEx grants what it has registered, and revokes what it deregisters.
    for (let n = 0; n < 2; n += 1) {
      expect(answerOf(await agentex.ask('alice', 'grant', { resource: schedule, operation: 'create' }))).toEqual(DONE);
    }
    expect(await check('alice', 'cancel', schedule)).toBe(200);
    expect(await check('dave', 'read', schedule)).toBe(403);
    expect(
      answerOf(await agentex.ask('alice', 'search', { filter_resource: 'schedule', filter_operation: 'read' })),
    ).toEqual([200, JSON.stringify({ items: [schedule.selector], success: true })]);
    expect(answerOf(await agentex.ask('alice', 'revoke', { resource: schedule, operation: 'delete' }))).toEqual(DONE);
    expect(await check('alice', 'read', schedule)).toBe(403);
    for (let n = 0; n < 2; n += 1) expect(answerOf(await agentex.ask('alice', 'deregister', owned))).toEqual(DONE);
    expect(await check('alice', 'read', schedule)).toBe(403);
  });

  it('is registered by a grant of create alone', async () => {
    const resource = { type: 'agent', selector: 'agent-granted' };
    expect(answerOf(await agentex.ask('dave', 'grant', { resource, operation: 'create' }))).toEqual(DONE);
    expect(await check('dave', 'delete', resource)).toBe(200);
    expect(await check('alice', 'read', resource)).toBe(403);
    expect(answerOf(await agentex.ask('dave', 'deregister', { resource }))).toEqual(DONE);
  });

  it('is not registered by a grant of anything else', async () => {
    const resource = { type: 'agent', selector: 'agent-not-granted' };
    for (const operation of ['read', 'update', 'delete', 'execute', 'cancel']) {
      expect(answerOf(await agentex.ask('dave', 'grant', { resource, operation }))).toEqual(DENIED);
    }
    expect(await check('dave', 'read', resource)).toBe(403);
  });

  it('is never taken over, and gives nobody what somebody else has', async () => {
    for (const who of ['dave', 'carol', 'bob', 'mallory'] as const) {
      expect(answerOf(await agentex.ask(who, 'register', { resource: task('task-1'), parent: null }))).toEqual(DENIED);
      for (const operation of ['create', 'read', 'update', 'delete', 'execute', 'cancel']) {
        for (const path of ['grant', 'revoke']) {
          expect(answerOf(await agentex.ask(who, path, { resource: task('task-1'), operation }))).toEqual(DENIED);
        }
      }
    }
    expect(answerOf(await agentex.ask('mallory', 'deregister', { resource: task('task-1') }))).toEqual(DONE);
    expect(await check('alice', 'delete', task('task-1'))).toBe(200);
    expect(await check('dave', 'read', task('task-1'))).toBe(403);
  });

  it('hangs off nothing that its owner may not use', async () => {
    const ask = async (selector: string) =>
      answerOf(
        await agentex.ask('dave', 'register', { resource: task('task-new'), parent: { type: 'agent', selector } }),
      );
    expect(await ask('agent-1')).toEqual(DENIED);
    expect(await ask('agent-absent')).toEqual(DENIED);
    expect(await ask('agent-9')).toEqual(DENIED);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['register', { resource: task('*') }],
    ['register', { resource: task('a'), parent: { type: 'task', selector: 'task-1' } }],
    ['register', { resource: task('a'), parent: 'agent-1' }],
    ['register', { resource: { type: 'message', selector: 'm' } }],
    ['deregister', { resource: task('*') }],
    ['deregister', {}],
    ['grant', { resource: task('task-1'), operation: 'share' }],
    ['grant', { resource: task('*'), operation: 'read' }],
    ['revoke', { resource: task('task-1') }],
  ])('is 400 where it makes no sense: %s %j', async (path, rest) => {
    expect((await agentex.ask('alice', path, rest)).status).toBe(400);
  });

  it('is no role of an agent', async () => {
    expect((await agentex.ask('bot', 'grant', { resource: task('task-1'), operation: 'read' })).status).toBe(400);
  });
});

describe('an account that is not enforced', () => {
  it('is allowed everything, writes nothing, and is logged and counted as such', async () => {
    const decisionLog = 'telemetry: { decision_log: { sink: stdout } }';
    const rollout = 'rollout: { accounts: { acme: { enforcement: "off", dual_write: "off" } } }';
    const yaml = await toYaml(`${decisionLog}\n${rollout}`);
    await using off = await startWithStores(stores, { yaml });
    const client = createAgentexClient(off.addresses.http);
    expect(answerOf(await client.check('dave', 'delete', 'task', 'task-1'))).toEqual(DONE);
    expect(answerOf(await client.check('dave', 'read', 'task', 'absent'))).toEqual(DONE);
    const search = { filter_resource: 'task', filter_operation: 'read' };
    expect(answerOf(await client.ask('dave', 'search', search))).toEqual([200, '{"unscoped":true}']);
    for (const path of ['register', 'grant', 'revoke', 'deregister']) {
      const rest = { resource: task('task-1'), operation: 'delete', parent: null };
      expect(answerOf(await client.ask('dave', path, rest))).toEqual(DONE);
    }
    // Others are, and so is the shape of what is asked, and who asks.
    expect(answerOf(await client.check('mallory', 'read', 'task', 'task-1'))).toEqual(DENIED);
    expect((await client.check('dave', 'read', 'spaceship', 'x')).status).toBe(400);
    expect(answerOf(await client.post('check', { principal: {} }))).toEqual(UNAUTHENTICATED);
    // Nothing has been written.
    expect((await agentex.check('alice', 'delete', 'task', 'task-1')).status).toBe(200);
    expect((await agentex.check('dave', 'read', 'task', 'task-1')).status).toBe(403);
    const { body } = await exchangeHttp1(`http://${off.addresses.admin}/metrics`, { method: 'GET' });
    expect(body).toContain(
      'taskgate_decisions_total{type="task",operation="delete",outcome="ALLOWED",reason="unenforced",parent="none",relationships="none"} 1',
    );
    expect(body).toContain('taskgate_rollout_answers_total{type="task",enforcement="off",by="unenforced"} 3');
    expect(body).toContain('taskgate_rollout_writes_skipped_total{type="task",reason="dual_write_off"} 4');
    expect(body).toContain('taskgate_principals_total{source="signed",outcome="malformed"} 1');
    await vi.waitFor(() => expect(off.decisions.join('\n')).toContain('"reason":"unenforced"'));
    expect(off.decisions.join('\n')).toContain('"flags":["enforcement=off"]');
  });

  it('may be the rule, with exceptions', async () => {
    const yaml = await toYaml('rollout: { enforcement: "off", accounts: { acme: { enforcement: enforce } } }');
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    expect(answerOf(await client.check('dave', 'read', 'task', 'task-1'))).toEqual(DENIED);
    expect(answerOf(await client.check('mallory', 'read', 'task', 'task-1'))).toEqual(DONE);
  });
});

describe('the rollout', () => {
  const search = async (client: typeof agentex, who: Somebody, type: string) =>
    answerOf(await client.ask(who, 'search', { filter_resource: type, filter_operation: 'read' }));

  it('goes by the type that is asked about, of a search too', async () => {
    const yaml = await toYaml('rollout: { accounts: { acme: { types: { agent: { enforcement: "off" } } } } }');
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    expect(answerOf(await client.check('dave', 'read', 'agent', 'agent-1'))).toEqual(DONE);
    expect(await search(client, 'dave', 'agent')).toEqual([200, '{"unscoped":true}']);
    expect(answerOf(await client.check('dave', 'read', 'task', 'task-1'))).toEqual(DENIED);
    expect(await search(client, 'dave', 'task')).toEqual([200, '{"items":[],"success":true}']);
  });

  it('decides beside the answer in shadow, and counts what would differ', async () => {
    const yaml = await toYaml('rollout: { enforcement: shadow }');
    await using shadow = await startWithStores(stores, { yaml });
    const client = createAgentexClient(shadow.addresses.http);
    expect(answerOf(await client.check('dave', 'read', 'task', 'task-1'))).toEqual(DONE);
    expect(await search(client, 'dave', 'task')).toEqual([200, '{"unscoped":true}']);
    await vi.waitFor(async () =>
      expect(
        await readMetric(
          shadow.addresses.admin,
          'taskgate_rollout_differences_total{type="task",class="legacy_allow_we_deny"}',
        ),
      ).toBe(1),
    );
  });

  it('may deny everything where it is off', async () => {
    const yaml = await toYaml('rollout: { enforcement: "off", off_answer: deny }');
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    expect(answerOf(await client.check('alice', 'read', 'task', 'task-1'))).toEqual(DENIED);
    expect(answerOf(await client.check('alice', 'create', 'task', '*'))).toEqual(DENIED);
    expect(await search(client, 'alice', 'task')).toEqual([200, '{"items":[],"success":true}']);
  });

  it('allows everything to a trusted principal where it is enforced', async () => {
    const yaml = await toYaml('rollout: { bypass: [{ kind: user, id: dave, account: acme }] }');
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    expect(answerOf(await client.check('dave', 'delete', 'task', 'task-1'))).toEqual(DONE);
    expect(await search(client, 'dave', 'task')).toEqual([200, '{"unscoped":true}']);
    expect(answerOf(await client.check('carol', 'delete', 'task', 'task-1'))).toEqual(DENIED);
  });

  it.each(['off', 'shadow'])('refuses no write where it is %s, and writes none that it would refuse', async (word) => {
    const yaml = await toYaml(
      `rollout: { accounts: { acme: { enforcement: "${word}", types: { agent: { enforcement: enforce } } } } }`,
    );
    await using other = await startWithStores(stores, { yaml });
    const client = createAgentexClient(other.addresses.http);
    const taken = { resource: task('task-1'), parent: null, operation: 'read' };
    for (const path of ['register', 'grant', 'revoke']) {
      expect([path, answerOf(await client.ask('dave', path, taken))]).toEqual([path, DONE]);
    }
    const refused = 'taskgate_rollout_writes_skipped_total{type="task",reason="refused"}';
    expect(await readMetric(other.addresses.admin, refused)).toBe(3);
    expect((await agentex.check('dave', 'read', 'task', 'task-1')).status).toBe(403);
    expect((await agentex.check('alice', 'delete', 'task', 'task-1')).status).toBe(200);
    // What may be written is.
    const own = { resource: task(`task-${word}`), parent: null };
    expect(answerOf(await client.ask('dave', 'register', own))).toEqual(DONE);
    expect((await agentex.check('dave', 'delete', 'task', `task-${word}`)).status).toBe(200);
    // Where it is enforced, it is refused.
    const agent = { resource: { type: 'agent', selector: 'agent-1' }, parent: null, operation: 'read' };
    for (const path of ['register', 'grant', 'revoke']) {
      expect([path, answerOf(await client.ask('dave', path, agent))]).toEqual([path, DENIED]);
    }
  });
});

describe('the caller', () => {
  it('must prove itself where callers do, and its refusal is never an answer about the principal', async () => {
    const [good, weak] = [newToken(), newToken()];
    const tokens = await files.write(
      'tokens',
      toTokensFile([
        { name: 'agentex', tokens: [good], permissions: ['check', 'filter', 'write'] },
        { name: 'weak', tokens: [weak], permissions: ['filter'] },
      ]),
    );
    await using gated = await startWithStores(stores, {
      yaml: await toYaml(`authentication: { tokens_file: ${tokens} }`),
    });
    const client = createAgentexClient(gated.addresses.http);
    const key = { 'x-api-key': 'the-api-key-of-alice' };
    const refusal = async (headers: Readonly<Record<string, string>>) => {
      const { status, headers: answered } = await client.authn({ ...key, ...headers });
      return [status, answered['x-service-account-auth-error']];
    };
    expect(await refusal({})).toEqual([502, 'unauthenticated']);
    expect(await refusal({ 'taskgate-authorization': 'Bearer wrong' })).toEqual([502, 'unauthenticated']);
    expect(await refusal({ authorization: `Bearer ${good}` })).toEqual([502, 'unauthenticated']);
    expect(await refusal({ 'taskgate-authorization': `Bearer ${weak}` })).toEqual([502, 'forbidden']);
    const caller = { 'taskgate-authorization': `Bearer ${good}` };
    const { status, body } = await client.authn({ ...key, ...caller });
    expect(status).toBe(200);
    const asked = { principal: JSON.parse(body) as unknown, resource: task('task-1'), operation: 'read' };
    expect((await client.post('check', asked)).status).toBe(502);
    expect((await client.post('check', asked, { 'taskgate-authorization': `Bearer ${weak}` })).status).toBe(502);
    expect(answerOf(await client.post('check', asked, caller))).toEqual(DONE);
  });
});

it('is not there unless it is configured', async () => {
  await using plain = await startWithStores(stores);
  expect((await createAgentexClient(plain.addresses.http).authn({})).status).toBe(404);
});
