import { randomUUID } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, toBinary, toJson } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, CheckTaskRequestSchema, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import type { Exchange } from '../support/raw-exchange.ts';
import { exchangeHttp1, exchangeHttp2 } from '../support/raw-exchange.ts';
import { frameGrpcMessage } from '../support/raw-http.ts';
import { useTaskgate } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createAllClients, TRANSPORT_NAMES } from '../support/transports.ts';

const MIB = 1024 * 1024;
const { checkTask } = AuthorizationService.method;
const PATH = `/${AuthorizationService.typeName}/${checkTask.name}`;
const gate = useTaskgate();
const socketGate = useTaskgate({ grpc: 'socket' });
let clients: readonly TestClient[] = [];

beforeAll(() => {
  const { grpc, http } = gate().addresses;
  clients = createAllClients({ grpc, http, socket: socketGate().addresses.grpc });
});
afterAll(async () => {
  await Promise.all(clients.map(async (client) => client[Symbol.asyncDispose]()));
});

const ALLOWED = { kind: 'message', message: { decision: Decision.ALLOWED } };
const request = create(CheckTaskRequestSchema, ask('alice', 'task', 'task-1'));
const json = toJson(CheckTaskRequestSchema, request) as Readonly<Record<string, unknown>>;

/** POSTs a body to CheckTask on the HTTP listener. */
async function post(
  contentType: string | undefined,
  body: Buffer | string,
  headers: Record<string, string> = {},
): Promise<Exchange> {
  const type = contentType === undefined ? {} : { 'content-type': contentType };
  return exchangeHttp1(`http://${gate().addresses.http}${PATH}`, { headers: { ...type, ...headers }, body });
}

async function postGrpc(body: Buffer, headers: Record<string, string> = {}): Promise<Exchange> {
  return exchangeHttp2(gate().addresses.grpc, PATH, {
    headers: { 'content-type': 'application/grpc+proto', te: 'trailers', ...headers },
    body,
  });
}

async function isServing(): Promise<void> {
  for (const client of clients)
    expect(await client.call(checkTask, ask('alice', 'task', 'task-1'))).toMatchObject(ALLOWED);
}

describe('a message of 5 MB', () => {
  const tooLarge = ask('alice', 'task', 'x'.repeat(5 * MIB));

  it.each(TRANSPORT_NAMES)('is RESOURCE_EXHAUSTED over %s', async (transport) => {
    const client = clients.find(({ name }) => name === transport);
    expect(await client?.call(checkTask, tooLarge)).toMatchObject({ kind: 'error', code: 'RESOURCE_EXHAUSTED' });
    // On the same connection too, which still holds the rest of the message.
    await isServing();
  });

  it.each([
    ['application/json', JSON.stringify(toJson(CheckTaskRequestSchema, create(CheckTaskRequestSchema, tooLarge)))],
    ['application/proto', Buffer.from(toBinary(CheckTaskRequestSchema, create(CheckTaskRequestSchema, tooLarge)))],
  ])('is 429 with a Connect error as %s', async (contentType, body) => {
    const { status, body: answer } = await post(contentType, body);
    expect([status, JSON.parse(answer)]).toMatchObject([429, { code: 'resource_exhausted' }]);
  });
});

describe('a compressed message of 100 MB of zeros', () => {
  const bomb = gzipSync(Buffer.alloc(100 * MIB));
  const framed = frameGrpcMessage(bomb, { isPacked: true });
  const BOMBS = 4;

  it.each<[string, () => Promise<Exchange>, (answer: Exchange) => unknown, unknown]>([
    [
      'Connect JSON',
      async () => post('application/json', bomb, { 'content-encoding': 'gzip' }),
      codeOf,
      'resource_exhausted',
    ],
    [
      'Connect binary',
      async () => post('application/proto', bomb, { 'content-encoding': 'gzip' }),
      codeOf,
      'resource_exhausted',
    ],
    ['gRPC-Web', async () => post('application/grpc-web+proto', framed, { 'grpc-encoding': 'gzip' }), webStatusOf, '8'],
    ['gRPC', async () => postGrpc(framed, { 'grpc-encoding': 'gzip', 'grpc-timeout': '10S' }), grpcStatusOf, '8'],
  ])('is RESOURCE_EXHAUSTED over %s and is never held in memory', async (_, send, statusOf, expected) => {
    const peak = watchBuffers();
    const answers = await Promise.all(Array.from({ length: BOMBS }, send));
    expect(answers.map(statusOf)).toEqual(answers.map(() => expected));
    expect(peak.stop()).toBeLessThan(BOMBS * 16 * MIB);
    await isServing();
  });
});

/** The most that buffers grow by, looked at in every turn of the event loop. */
function watchBuffers(): { stop(): number } {
  const before = process.memoryUsage().arrayBuffers;
  let peak = before;
  let watching = true;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    if (watching) setImmediate(look);
  };
  look();
  return {
    stop() {
      watching = false;
      return peak - before;
    },
  };
}

describe('a content type that is not spoken', () => {
  it.each([
    undefined,
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'application/grpc+proto',
    'x',
  ])('%s is 415 over Connect, with an error that names it', async (contentType) => {
    const { status, headers, body } = await post(contentType, JSON.stringify(json));
    expect([status, headers['content-type']]).toEqual([415, 'application/json']);
    expect(JSON.parse(body)).toEqual({
      code: 'invalid_argument',
      message: expect.stringMatching(/^content-type: /) as string,
    });
    expect(headers['taskgate-decision-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is 415 over gRPC', async () => {
    const body = frameGrpcMessage(toBinary(CheckTaskRequestSchema, request));
    expect(await postGrpc(body, { 'content-type': 'application/json' })).toMatchObject({ status: 415 });
    await isServing();
  });
});

/** Bytes that are no CheckTaskRequest. */
const GARBAGE: Readonly<Record<string, Buffer>> = {
  'random bytes': Buffer.from('ffffffffffffffffffffdeadbeef', 'hex'),
  'a field that is longer than the message': Buffer.from([0x0a, 0x7f, 0x01]),
  'a group that never ends': Buffer.from([0x0b, 0x08, 0x01]),
  'a principal that is a number': Buffer.from([0x08, 0x01]),
  // resource { id: "\xff\xfe" }
  'a string that is not UTF-8': Buffer.concat([
    toBinary(CheckTaskRequestSchema, request),
    Buffer.from([0x12, 0x04, 0x12, 0x02, 0xff, 0xfe]),
  ]),
  // principal { user_id: "\xc3" }: cut off in the middle of a character
  'a principal that is not UTF-8': Buffer.concat([
    toBinary(CheckTaskRequestSchema, request),
    Buffer.from([0x0a, 0x03, 0x0a, 0x01, 0xc3]),
  ]),
};

describe.each(Object.entries(GARBAGE))('%s', (_, bytes) => {
  it('is INVALID_ARGUMENT over gRPC', async () => {
    expect(grpcStatusOf(await postGrpc(frameGrpcMessage(bytes)))).toBe('3');
  });

  it('is INVALID_ARGUMENT over Connect binary', async () => {
    const answer = await post('application/proto', bytes);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_argument']);
  });

  it('is INVALID_ARGUMENT over gRPC-Web', async () => {
    expect(webStatusOf(await post('application/grpc-web+proto', frameGrpcMessage(bytes)))).toBe('3');
  });
});

describe('a request of more values than any has', () => {
  const { filterReadableTasks } = AuthorizationService.method;
  const path = `/${AuthorizationService.typeName}/${filterReadableTasks.name}`;
  const resources = Buffer.alloc(200_000, Buffer.from([0x12, 0]));
  const message = 'request: must have at most 40000 values';

  it.each([
    ['gRPC', frameGrpcMessage(resources)],
    ['gRPC, packed', frameGrpcMessage(gzipSync(resources), { isPacked: true })],
  ])('is INVALID_ARGUMENT over %s', async (_, body) => {
    const headers = { 'content-type': 'application/grpc+proto', te: 'trailers', 'grpc-encoding': 'gzip' };
    const answer = await exchangeHttp2(gate().addresses.grpc, path, { headers, body });
    expect([
      grpcStatusOf(answer),
      decodeURIComponent(String({ ...answer.headers, ...answer.trailers }['grpc-message'])),
    ]).toEqual(['3', message]);
  });

  const json = `{"resources":[${'{},'.repeat(100_000)}{}]}`;
  const gzip = { 'content-encoding': 'gzip' };
  it.each<[string, string, string, Buffer | string, Record<string, string>?]>([
    ['JSON', 'application/json', '', json],
    ['JSON, whatever the case of its type', 'Application/JSON', '', json],
    ['JSON, with a query', 'application/json', '?a=b', json],
    ['JSON, packed', 'application/json', '', gzipSync(json), gzip],
    ['binary', 'application/proto', '', resources],
    ['binary, packed', 'application/proto', '', gzipSync(resources), gzip],
  ])('is INVALID_ARGUMENT over Connect %s', async (_, type, query, body, encoding) => {
    const url = `http://${gate().addresses.http}${path}${query}`;
    const answer = await exchangeHttp1(url, { headers: { 'content-type': type, ...encoding }, body });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { code: 'invalid_argument', message }]);
  });

  it.each([
    ['gRPC-Web', frameGrpcMessage(resources)],
    ['gRPC-Web, packed', frameGrpcMessage(gzipSync(resources), { isPacked: true })],
  ])('is INVALID_ARGUMENT over %s', async (_, body) => {
    const url = `http://${gate().addresses.http}${path}`;
    const headers = { 'content-type': 'application/grpc-web+proto', 'grpc-encoding': 'gzip' };
    const answer = await exchangeHttp1(url, { headers, body });
    expect(webStatusOf(answer)).toBe('3');
  });
});

describe('a packed request', () => {
  it('that is no gzip is INVALID_ARGUMENT', async () => {
    const packed = gzipSync(JSON.stringify(json));
    for (const body of [packed.subarray(0, -10), Buffer.from('{}')]) {
      const answer = await post('application/json', body, { 'content-encoding': 'gzip' });
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        400,
        { code: 'invalid_argument', message: 'request: is not valid gzip' },
      ]);
    }
  });

  it('in anything else is UNIMPLEMENTED, with what is taken', async () => {
    const body = brotliCompressSync(JSON.stringify(json));
    const answer = await post('application/json', body, { 'content-encoding': 'br' });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      501,
      { code: 'unimplemented', message: expect.stringMatching(/"br".*gzip/) as string },
    ]);
  });
});

it('takes a packed list, which is no message until it is unpacked', async () => {
  const { filterReadableTasks } = AuthorizationService.method;
  const resources = Array.from({ length: 10_000 }, () => ({
    type: 'message',
    key: { case: 'id', value: randomUUID() } as const,
  }));
  const list = create(filterReadableTasks.input, { principal: request.principal, resources });
  const packed = gzipSync(toBinary(filterReadableTasks.input, list));
  expect(packed.length).toBeGreaterThan(80_000);
  const path = `/${AuthorizationService.typeName}/${filterReadableTasks.name}`;
  const toHeaders = (type: string) => ({ 'content-type': type, 'grpc-encoding': 'gzip', te: 'trailers' });
  const body = frameGrpcMessage(packed, { isPacked: true });
  const web = { headers: toHeaders('application/grpc-web+proto'), body };
  expect(webStatusOf(await exchangeHttp1(`http://${gate().addresses.http}${path}`, web))).toBe('0');
  const grpc = { headers: toHeaders('application/grpc+proto'), body };
  expect(grpcStatusOf(await exchangeHttp2(gate().addresses.grpc, path, grpc))).toBe('0');
});

/** JSON that is no CheckTaskRequest, and what the message must name. */
const BAD_JSON: readonly [string, string, RegExp][] = [
  ['nothing', '', /./],
  ['truncated JSON', JSON.stringify(json).slice(0, -5), /./],
  ['text', 'hello', /./],
  ['null', 'null', /./],
  ['an array', '[]', /./],
  ['an unknown field', JSON.stringify({ ...json, spaceship: 1 }), /spaceship/],
  [
    'an unknown field of a field',
    JSON.stringify({ ...json, resource: { type: 'task', id: 'task-1', owner: 'me' } }),
    /owner/,
  ],
  ['a __proto__ key', `{"__proto__":{"operation":"OPERATION_READ"},${JSON.stringify(json).slice(1)}`, /__proto__/],
  [
    'a __proto__ key of a field',
    JSON.stringify(json).replace('"task-1"', '"task-1","__proto__":{"id":"task-9"}'),
    /__proto__/,
  ],
  ['a constructor key', JSON.stringify({ ...json, constructor: { prototype: {} } }), /constructor/],
  ['a number for a text', JSON.stringify({ ...json, resource: { type: 'task', id: 1 } }), /id/],
  ['a text for a message', JSON.stringify({ ...json, principal: 'alice' }), /./],
  ['an array for a message', JSON.stringify({ ...json, principal: [] }), /./],
  ['an object for an enum', JSON.stringify({ ...json, operation: {} }), /./],
  ['an operation that is misspelt', JSON.stringify({ ...json, operation: 'OPERATION_REED' }), /./],
  ['a text for a boolean', JSON.stringify({ ...json, createIfAbsent: 'false' }), /./],
  [
    'two principals',
    JSON.stringify({ ...json, principal: { userId: 'alice', agentId: 'agent-1', accountId: 'acme' } }),
    /subject|oneof/,
  ],
  [
    'two keys',
    JSON.stringify({ ...json, resource: { type: 'task', id: 'task-1', name: 'quarterly-report' } }),
    /key|oneof/,
  ],
  ['a key twice', JSON.stringify(json).replace('"id"', '"id":"task-9","id"'), /duplicate.*id/],
  ['a key twice, once escaped', JSON.stringify(json).replace('"id"', '"id":"task-9","\\u0069d"'), /duplicate.*id/],
  ['one field under its two names', JSON.stringify({ ...json, create_if_absent: false, createIfAbsent: true }), /./],
  ['arrays 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /./],
  ['objects 100,000 deep in a field', `{"principal":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, /./],
  ['a message 10,000 deep', `{"parent":${'{"parent":'.repeat(10_000)}{}${'}'.repeat(10_000)}}`, /./],
];

describe('JSON', () => {
  it.each(BAD_JSON)('%s is INVALID_ARGUMENT', async (_, body, named) => {
    const answer = await post('application/json', body);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      400,
      { code: 'invalid_argument', message: expect.stringMatching(named) as string },
    ]);
    expect(answer.body.length).toBeLessThan(1_000);
    expect(answer.headers['taskgate-decision-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is served after all of it', isServing);
});

describe('what is no call', () => {
  const send = async (method: string, path: string) =>
    exchangeHttp1(`http://${gate().addresses.http}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: method === 'GET' ? '' : '{}',
    });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s of a method is 405', async (method) => {
    expect(await send(method, PATH)).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('GET of a method without a content type is 405 too', async () => {
    expect(await exchangeHttp1(`http://${gate().addresses.http}${PATH}`, { method: 'GET' })).toMatchObject({
      status: 405,
    });
  });

  it.each([
    `/${AuthorizationService.typeName}/NoSuchMethod`,
    `/${AuthorizationService.typeName}/`,
    `/${AuthorizationService.typeName}/checktask`,
    '/taskgate.v1.NoSuchService/CheckTask',
    '/',
    '/..%2f..%2fetc/passwd',
  ])('POST %s is 404', async (path) => {
    expect(await send('POST', path)).toMatchObject({ status: 404 });
  });

  it.each([`/${AuthorizationService.typeName}/NoSuchMethod`, '/taskgate.v1.NoSuchService/CheckTask'])(
    '%s is UNIMPLEMENTED over gRPC',
    async (path) => {
      const answer = await exchangeHttp2(gate().addresses.grpc, path, {
        headers: { 'content-type': 'application/grpc+proto', te: 'trailers' },
        body: frameGrpcMessage(toBinary(CheckTaskRequestSchema, request)),
      });
      expect(grpcStatusOf(answer)).toBe('12');
    },
  );
});

function codeOf({ body }: Exchange): unknown {
  return (JSON.parse(body) as { code?: unknown }).code;
}

/** In the trailers, or in the headers of an answer that has nothing else. */
function grpcStatusOf({ headers, trailers }: Exchange): unknown {
  return trailers['grpc-status'] ?? headers['grpc-status'];
}

/** In the trailer frame of the body, or in the headers of an answer that has no body. */
function webStatusOf({ headers, body }: Exchange): unknown {
  return headers['grpc-status'] ?? /grpc-status: ?(\d+)/.exec(body)?.[1];
}
