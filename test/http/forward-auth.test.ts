import { afterEach, describe, expect, it } from 'vitest';
import type { AuthorizeRequest, GatewayAnswer, GatewayRequest } from '../../src/authorize/ports-gateway.ts';
import type { Caller } from '../../src/domain/caller.ts';
import {
  CallerPermissionError,
  InternalError,
  OverloadedError,
  UnauthenticatedError,
  UnavailableError,
} from '../../src/domain/errors.ts';
import { FORWARD_AUTH_PATH } from '../../src/http/forward-auth/forward-auth.ts';
import type { HttpExchange, HttpRequest } from '../support/exchange-http.ts';
import { exchangeHttp, valuesOf } from '../support/exchange-http.ts';
import type { ForwardAuthDoor, ForwardAuthDoorOptions } from '../support/forward-auth-door.ts';
import { startForwardAuthDoor } from '../support/forward-auth-door.ts';

const IDENTITY = [
  'x-taskgate-principal-kind',
  'x-taskgate-principal-id',
  'x-taskgate-account-id',
  'x-taskgate-task-id',
] as const;
const ASKED = [
  ['x-forwarded-method', 'GET'],
  ['x-forwarded-uri', '/tasks/task-1'],
] as const;
const ALICE = { kind: 'user', id: 'alice', account: 'acme' } as const;
const ALLOWED: GatewayAnswer = { kind: 'allowed', principal: ALICE, taskId: 'task-1' };

let gate: ForwardAuthDoor;
afterEach(async () => gate[Symbol.asyncDispose]());

async function start(options: ForwardAuthDoorOptions | GatewayAnswer): Promise<void> {
  gate = await startForwardAuthDoor('kind' in options ? { authorizeRequest: () => options } : options);
}

async function ask(headers: HttpRequest['headers'] = ASKED, request: Partial<HttpRequest> = {}): Promise<HttpExchange> {
  return exchangeHttp(gate.address, { target: FORWARD_AUTH_PATH, headers, ...request });
}

describe('an allow', () => {
  it('is exactly 200 with every identity header and an empty body', async () => {
    await start(ALLOWED);
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(IDENTITY.map((name) => valuesOf(answer, name))).toEqual([['user'], ['alice'], ['acme'], ['task-1']]);
    expect(valuesOf(answer, 'taskgate-decision-id')[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('has every identity header where there is nothing to say', async () => {
    await start({ kind: 'allowed', principal: undefined });
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(IDENTITY.map((name) => valuesOf(answer, name))).toEqual([[''], [''], [''], ['']]);
  });

  it('keeps what is in an id from being a header of its own', async () => {
    await start({ kind: 'allowed', principal: { ...ALICE, id: 'a\r\nx-evil: 1\u00e9' } });
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(valuesOf(answer, 'x-evil')).toEqual([]);
    expect(valuesOf(answer, 'x-taskgate-principal-id').map(decodeURIComponent)).toEqual(['a\r\nx-evil: 1\u00e9']);
  });

  it.each(['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND'])('is given to a question by %s', async (method) => {
    await start(ALLOWED);
    expect(await ask(ASKED, { method })).toMatchObject({ status: 200, body: '' });
  });

  it('is given whatever body the question has, on a connection that goes on', async () => {
    await start(ALLOWED);
    expect(await ask(ASKED, { method: 'POST', body: Buffer.alloc(100_000) })).toMatchObject({ status: 200 });
  });
});

describe('a denial', () => {
  it.each<[GatewayAnswer['kind'], 403 | 404, number, string]>([
    ['not_found', 404, 404, '{"error":"not found"}'],
    ['forbidden', 404, 403, '{"error":"forbidden"}'],
    ['unauthenticated', 404, 401, '{"error":"unauthenticated"}'],
    ['malformed', 404, 400, '{"error":"malformed request"}'],
    ['not_found', 403, 403, '{"error":"not found"}'],
    ['forbidden', 403, 403, '{"error":"forbidden"}'],
    ['unauthenticated', 403, 401, '{"error":"unauthenticated"}'],
    ['malformed', 403, 403, '{"error":"not found"}'],
  ])('%s is, with denied_status %i, %i', async (kind, deniedStatus, status, body) => {
    await start({ deniedStatus, authorizeRequest: () => ({ kind }) as GatewayAnswer });
    const answer = await ask();
    expect(answer).toMatchObject({ status, body });
    expect(valuesOf(answer, 'taskgate-decision-id')).toHaveLength(1);
    expect(valuesOf(answer, 'www-authenticate')).toEqual(status === 401 ? ['Bearer'] : []);
    for (const name of IDENTITY) expect(valuesOf(answer, name)).toEqual([]);
  });
});

describe('what could not be told', () => {
  it.each([
    ['a store is down', new UnavailableError('spicedb'), 503],
    ['too much at once', new OverloadedError(), 503],
    ['a defect', new InternalError(), 503],
    ['thrown by a driver', new Error('secret words of a driver'), 503],
  ])('%s is an error', async (_, error, status) => {
    await start({
      authorizeRequest: () => {
        throw error;
      },
    });
    const answer = await ask();
    expect(answer).toMatchObject({ status, body: '{"error":"unavailable"}' });
    for (const name of IDENTITY) expect(valuesOf(answer, name)).toEqual([]);
  });

  it('time that has run out is an error', async () => {
    await start({
      defaultTimeoutMs: 50,
      authorizeRequest: async (_request, _call, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    expect(await ask()).toMatchObject({ status: 503 });
  });

  it.each([
    ['is not known', new UnauthenticatedError('unknown_token')],
    ['may not ask', new CallerPermissionError('check')],
  ])('a gateway that %s is told so in no status that is about its client', async (_, error) => {
    await start({
      authenticate: () => {
        throw error;
      },
      authorizeRequest: () => ALLOWED,
    });
    expect(await ask()).toMatchObject({ status: 500, body: '{"error":"misconfigured"}' });
  });

  it('a gateway without the permission to check may not ask', async () => {
    const lister: Caller = { name: 'lister', permissions: new Set(['filter']) };
    await start({ authenticate: () => lister, authorizeRequest: () => ALLOWED });
    expect(await ask()).toMatchObject({ status: 500 });
  });
});

describe('the request that is asked about', () => {
  /** Starts a door that allows everything and keeps what it was asked. */
  async function listen(options: Omit<ForwardAuthDoorOptions, 'authorizeRequest'> = {}): Promise<GatewayRequest[]> {
    const seen: GatewayRequest[] = [];
    const authorizeRequest: AuthorizeRequest = (request) => {
      seen.push(request);
      return ALLOWED;
    };
    await start({ ...options, authorizeRequest });
    return seen;
  }

  it('has the method, the target as it was sent, and every header with all of its values', async () => {
    const seen = await listen();
    const target = '/tasks/a%2Fb/../%7e?x=%00&x=2';
    await ask([
      ['x-forwarded-method', 'PATCH'],
      ['X-Forwarded-Uri', target],
      ['X-Two', '1'],
      ['x-two', '2'],
      ['Authorization', 'one'],
      ['authorization', 'two'],
    ]);
    expect(seen).toMatchObject([{ method: 'PATCH', target, body: { kind: 'unknown' } }]);
    expect(seen[0]?.headers.get('x-two')).toEqual(['1', '2']);
    expect(seen[0]?.headers.get('authorization')).toEqual(['one', 'two']);
    expect(seen[0]?.claims).toBeUndefined();
    expect(seen[0]?.extensions).toBeUndefined();
  });

  it("has the caller's token in no header, and its own authorization is the client's", async () => {
    const presented: (string | undefined)[] = [];
    const seen = await listen({
      authenticate(credentials) {
        presented.push(credentials.authorization());
        return { name: 'gateway', permissions: new Set(['check']) };
      },
    });
    await ask([...ASKED, ['taskgate-authorization', 'Bearer gateway'], ['authorization', 'Bearer client']]);
    expect(presented).toEqual(['Bearer gateway']);
    expect(seen[0]?.headers.get('authorization')).toEqual(['Bearer client']);
    expect(seen[0]?.headers.get('taskgate-authorization')).toBeUndefined();
  });

  it('is read from the headers that are configured', async () => {
    const seen = await listen({ requestHeaders: 'original' });
    const original = [
      ['x-original-method', 'GET'],
      ['x-original-uri', '/a'],
    ] as const;
    expect(await ask(original)).toMatchObject({ status: 200 });
    expect(await ask(ASKED)).toMatchObject({ status: 400 });
    expect(seen.map(({ target }) => target)).toEqual(['/a']);
  });

  it('may be said by both pairs of headers if they say the same', async () => {
    const seen = await listen();
    expect(await ask([...ASKED, ['x-original-uri', '/tasks/task-1']])).toMatchObject({ status: 200 });
    expect(seen).toHaveLength(1);
  });

  it.each<[string, readonly (readonly [string, string])[]]>([
    ['neither header', []],
    ['no method', [['x-forwarded-uri', '/a']]],
    ['no target', [['x-forwarded-method', 'GET']]],
    ['two targets', [...ASKED, ['x-forwarded-uri', '/public']]],
    ['the same target twice', [...ASKED, ['X-Forwarded-URI', '/tasks/task-1']]],
    ['two methods', [...ASKED, ['x-forwarded-method', 'GET']]],
    ['another target under the other name', [...ASKED, ['x-original-uri', '/public']]],
    ['another method under the other name', [...ASKED, ['x-original-method', 'DELETE']]],
    ['an empty target', [['x-forwarded-method', 'GET'], ['x-forwarded-uri', '']]], // prettier-ignore
    ['a whole URL', [['x-forwarded-method', 'GET'], ['x-forwarded-uri', 'http://here/public']]], // prettier-ignore
    ['a space', [['x-forwarded-method', 'GET'], ['x-forwarded-uri', '/a b']]], // prettier-ignore
    ['bytes that are not ASCII', [['x-forwarded-method', 'GET'], ['x-forwarded-uri', '/\u00e9']]], // prettier-ignore
    ['an empty method', [['x-forwarded-method', ''], ['x-forwarded-uri', '/a']]], // prettier-ignore
    ['a method that is none', [['x-forwarded-method', 'GET, POST'], ['x-forwarded-uri', '/a']]], // prettier-ignore
    ['a very long method', [['x-forwarded-method', 'G'.repeat(33)], ['x-forwarded-uri', '/a']]], // prettier-ignore
  ])('%s is malformed, and nothing is asked', async (_, headers) => {
    const seen = await listen();
    expect(await ask(headers)).toMatchObject({ status: 400, body: '{"error":"malformed request"}' });
    expect(seen).toEqual([]);
  });

  it('is found after however many other headers', async () => {
    const seen = await listen();
    const many = Array.from({ length: 2_500 }, () => ['a', ''] as const);
    expect(await ask([...many, ...ASKED])).toMatchObject({ status: 200 });
    expect(seen[0]?.target).toBe('/tasks/task-1');
  });

  it('with more headers than are taken is an error', async () => {
    const seen = await listen();
    expect(await ask([...ASKED, ['x-long', 'a'.repeat(20_000)]])).toMatchObject({ status: 431 });
    expect(seen).toEqual([]);
  });
});
