import { describe, expect, test } from 'vitest';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';

/* What comes in: who asks, in what form, and what is told when it is wrong. */

const gates = useTokenTaskgates();

const EVALUATION = '/access/v1/evaluation';
const PATHS = {
  '/access/v1/evaluation': 'check',
  '/access/v1/evaluations': 'check',
  '/access/v1/search/subject': 'filter',
  '/access/v1/search/resource': 'filter',
  '/access/v1/search/action': 'filter',
} as const;

const TUPLE = {
  subject: { type: 'user', id: 'alice', properties: { account: 'acme' } },
  action: { name: 'read' },
  resource: { type: 'task', id: 'task-1' },
};

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

async function send({ path = EVALUATION, method = 'POST', headers = {}, body = JSON.stringify(TUPLE) }: Sent) {
  const { tcp, tokens } = gates();
  return exchangeHttp1(`http://${tcp.addresses.http}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${tokens.check}`, ...headers },
    body,
  });
}

describe('who asks', () => {
  test.each(Object.entries(PATHS))('%s is for callers who may %s', async (path, needed) => {
    const { tokens } = gates();
    for (const permission of ['check', 'filter', 'write', 'admin'] as const) {
      const { status, body } = await send({ path, headers: { authorization: `Bearer ${tokens[permission]}` } });
      expect([permission, status]).toEqual([permission, permission === needed ? 200 : 403]);
      if (permission !== needed) expect(JSON.parse(body)).toBe(`the caller lacks the permission ${needed}`);
    }
  });

  test('is told the same whatever is wrong, and before a body is read', async () => {
    const bodies = [JSON.stringify(TUPLE), '{', 'x'.repeat(5_000_000)];
    const headers = [
      { authorization: 'Bearer nobody-has-this-token' },
      { authorization: 'Basic YTpi' },
      { authorization: '' },
    ];
    const answers = await Promise.all(
      bodies.flatMap((body) =>
        headers.map(async (header) => send({ body, headers: { ...header, 'x-request-id': 'r1' } })),
      ),
    );
    for (const { status, body, headers: told } of answers) {
      expect([status, body, told['x-request-id']]).toEqual([401, '"the caller is not authenticated"', 'r1']);
    }
  });

  test('is nobody with two credentials', async () => {
    const good = `Bearer ${gates().tokens.check}`;
    const { status } = await send({ headers: { authorization: [good, 'Bearer other'] } });
    expect(status).toBe(401);
  });
});

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const tuple = (changed: object): string => JSON.stringify({ ...TUPLE, ...changed });

describe('what is asked', () => {
  test.each<[string, string | Buffer, string]>([
    ['no body', '', 'body: must not be empty'],
    ['a body that is cut', JSON.stringify(TUPLE).slice(0, -3), 'body: must be JSON'],
    ['more than one value', `${JSON.stringify(TUPLE)}{}`, 'body: must be JSON'],
    ['a list', '[]', 'body: must be an object'],
    ['a string', '"alice"', 'body: must be an object'],
    ['null', 'null', 'body: must be an object'],
    ['bytes that are not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 'body: must be UTF-8'],
    ['a byte order mark', `\uFEFF${JSON.stringify(TUPLE)}`, 'body: must be JSON'],
    ['a key twice', `{"action":{"name":"read"},${JSON.stringify(TUPLE).slice(1)}`, 'body: must not have a key twice'],
    [
      'a key twice, once escaped',
      `{"\\u0061ction":{},${JSON.stringify(TUPLE).slice(1)}`,
      'body: must not have a key twice',
    ],
    [
      'a key twice, deep down',
      tuple({ context: 0 }).replace('"context":0', '"context":{"a":[{"b":1,"b":2}]}'),
      'body: must not have a key twice',
    ],
    ['a lone surrogate', tuple({}).replace('alice', '\\ud800'), 'body: must be well-formed Unicode'],
    [
      'a lone surrogate in a key',
      tuple({ context: 0 }).replace('"context":0', '"context":{"\\udfff":1}'),
      'body: must be well-formed Unicode',
    ],
    [
      'a number beyond all',
      tuple({ context: 0 }).replace('"context":0', '"context":{"a":1e999}'),
      'body: must not have a number that is too large',
    ],
    [
      'too many levels',
      tuple({ context: 0 }).replace('"context":0', `"context":{"a":${deep(40)}}`),
      'body: must nest at most 32 levels',
    ],
    ['a subject that is null', tuple({ subject: null }), 'subject: must be an object'],
    ['a subject that is a list', tuple({ subject: [] }), 'subject: must be an object'],
    ['an id that is a number', tuple({ resource: { type: 'task', id: 1 } }), 'resource.id: must be a string'],
    ['an id that is empty', tuple({ resource: { type: 'task', id: '' } }), 'resource.id: must not be empty'],
    ['an id with NUL', tuple({ resource: { type: 'task', id: 'a\0' } }), 'resource.id: must not contain NUL'],
    [
      'an id of a megabyte',
      tuple({ resource: { type: 'task', id: 'x'.repeat(1_000_000) } }),
      'resource.id: must be at most 1024 bytes',
    ],
    [
      'an id that is __proto__',
      tuple({ subject: 0 }).replace('"subject":0', '"subject":{"__proto__":{"type":"user","id":"alice"}}'),
      'subject.type: must be set',
    ],
    [
      'properties that are a list',
      tuple({ action: { name: 'read', properties: [] } }),
      'action.properties: must be an object',
    ],
    ['a context that is a string', tuple({ context: 'x' }), 'context: must be an object'],
    [
      'a context that is too large',
      tuple({ resource: { type: 'tenant', id: 'acme' }, context: { a: 'x'.repeat(4_096) } }),
      'context: is too large: with all properties at most 4095 bytes',
    ],
  ])('with %s is 400', async (_, body, message) => {
    const answer = await send({ body, headers: { 'x-request-id': 'r2' } });
    expect([answer.status, JSON.parse(answer.body), answer.headers['x-request-id']]).toEqual([400, message, 'r2']);
  });

  test.each([
    ['none', undefined, 400],
    ['text', 'text/plain', 400],
    ['a form', 'application/x-www-form-urlencoded', 400],
    ['JSON-like', 'application/json-patch+json', 400],
    ['another charset', 'application/json; charset=utf-16', 400],
    ['two', 'application/json, text/plain', 400],
    ['UTF-8', 'application/json; charset=UTF-8', 200],
    ['in capitals', 'Application/JSON', 200],
  ])('with the content type %s', async (_, type, status) => {
    const { tcp, tokens } = gates();
    const headers = {
      authorization: `Bearer ${tokens.check}`,
      ...(type === undefined ? {} : { 'content-type': type }),
    };
    const answer = await exchangeHttp1(`http://${tcp.addresses.http}${EVALUATION}`, {
      headers,
      body: JSON.stringify(TUPLE),
    });
    expect(answer.status).toBe(status);
  });

  test('packed is 400', async () => {
    expect((await send({ headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
  });

  test('with a body that is too long is 413', async () => {
    const { status, headers } = await send({ body: 'x'.repeat(4_194_305), headers: { 'x-request-id': 'r3' } });
    expect([status, headers['x-request-id']]).toEqual([413, 'r3']);
  });

  test('by another method is 405, and on another path 404', async () => {
    const other = await send({ method: 'GET', body: '', headers: { 'x-request-id': 'r4' } });
    expect([other.status, other.headers['allow'], other.headers['x-request-id']]).toEqual([405, 'POST', 'r4']);
    for (const path of [
      '/access/v1/evaluation/',
      '/access/v1',
      '/Access/v1/evaluation',
      '/.well-known/authzen-configuration',
    ]) {
      expect((await send({ path })).status).toBe(404);
    }
  });
});

describe('the id of a request', () => {
  test.each([
    ['a UUID', 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716', true],
    ['any visible text', 'a b"c<>\\;', true],
    ['what is long', 'x'.repeat(1_024), true],
    ['what is too long', 'x'.repeat(1_025), false],
    ['bytes beyond ASCII', 'caf\xe9', false],
    ['a tab', 'a\tb', false],
  ])('%s', async (_, id, echoed) => {
    const { status, headers } = await send({ headers: { 'x-request-id': id } });
    expect([status, headers['x-request-id']]).toEqual([200, echoed ? id : undefined]);
  });

  test('is left out where there are two', async () => {
    const { status, headers } = await send({ headers: { 'x-request-id': ['a', 'b'] } });
    expect([status, headers['x-request-id']]).toEqual([200, undefined]);
  });
});
