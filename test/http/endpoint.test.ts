import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EndedCall } from '../../src/authorize/ports.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import type { Unary } from '../../src/calls/procedure.ts';
import { createReceiveBudget } from '../../src/calls/receive-budget.ts';
import { UnauthenticatedError, UnavailableError } from '../../src/domain/errors.ts';
import type { Endpoint } from '../../src/http/endpoint.ts';
import { createServeEndpoint, toJsonAnswer } from '../../src/http/endpoint.ts';
import type { HttpServer } from '../../src/http/http-server.ts';
import { openHttpServer } from '../../src/http/http-server.ts';
import { createRouter } from '../../src/http/router.ts';
import type { Exchange } from '../support/raw-exchange.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { SYSTEM_CLOCK } from '../support/spicedb.ts';

/* Endpoints behind a real HTTP server: an echo, which may wait, and what does not look at bodies. */

const MAX_BYTES = 1_000;
const MAX_RECEIVING_BYTES = 3_000;
const TOKEN = 'Bearer good';

let ended: EndedCall[];
let server: HttpServer;
/** Calls of the echo that are under way, and why those that were left ended. */
let held: { release: () => void; aborted: Promise<unknown> }[];

beforeEach(async () => {
  ended = [];
  held = [];
  const pipeline = createPipeline(
    {
      clock: SYSTEM_CLOCK,
      observer: { ended: (call) => void ended.push(call) },
      authenticate(credentials) {
        if (credentials.authorization() !== TOKEN) throw new UnauthenticatedError('unknown_token');
        return { name: 'tester', permissions: new Set(['check']) };
      },
    },
    {
      defaultTimeoutMs: 5_000,
      maxTimeoutMs: 5_000,
      maxStreamTimeoutMs: 5_000,
      maxConcurrentCalls: 2,
      maxQueuedCalls: 0,
    },
  );
  const echo: Unary<string, string> = {
    name: 'Echo',
    permission: 'check',
    handle(text, _call, { signal }) {
      if (text === 'down') throw new UnavailableError('spicedb');
      if (!text.startsWith('wait')) return text;
      const { promise, resolve } = Promise.withResolvers<string>();
      const aborted = new Promise((end) => signal.addEventListener('abort', () => end(signal.reason)));
      held.push({ release: () => resolve(text), aborted });
      return promise;
    },
  };
  const endpoint: Endpoint<string, string> = {
    method: 'POST',
    path: '/echo',
    procedure: echo,
    callerTokenHeader: 'authorization',
    readsBody: true,
    commonHeaders: ({ headers }) => ({ 'x-common': String(headers['x-common'] ?? 'none') }),
    parse: (_request, body) => body.toString(),
    toAnswer: (text) => toJsonAnswer(200, text),
    toErrorAnswer: (error, status) => toJsonAnswer(status, error.name),
  };
  const serve = createServeEndpoint(
    {
      pipeline,
      createDecisionId: () => 'decision',
      budget: createReceiveBudget({ collect: () => undefined }, { maxBytes: MAX_RECEIVING_BYTES }),
    },
    { maxMessageBytes: MAX_BYTES, uncountedBytes: 0 },
  );
  const router = createRouter([
    serve(endpoint),
    serve({
      ...endpoint,
      path: '/blind',
      method: 'any',
      readsBody: false,
      callerTokenHeader: 'taskgate-authorization',
    }),
    serve({ ...endpoint, path: '/get', method: 'GET' }),
    serve({ ...endpoint, path: '/get', method: 'POST' }),
  ]);
  server = await openHttpServer(router, {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    maxConnections: 50,
    maxHeaderBytes: 4_096,
  });
});
afterEach(async () => server.close(0));

async function ask(path: string, { method = 'POST', body = '', headers = {} } = {}): Promise<Exchange> {
  return exchangeHttp1(`http://${server.address}${path}`, {
    method,
    body,
    headers: { authorization: TOKEN, ...headers },
  });
}

/** A connection to write on by hand, and all that came back on it. */
async function open(): Promise<{ readonly socket: Socket; readonly received: () => string }> {
  const { hostname, port } = new URL(`http://${server.address}`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  return { socket, received: () => received };
}

const HEAD = `POST /echo HTTP/1.1\r\nhost: here\r\nauthorization: ${TOKEN}\r\n`;

test('answers with what the procedure gives, a decision id and the common headers', async () => {
  const { status, headers, body } = await ask('/echo', { body: 'hello', headers: { 'x-common': 'c' } });
  expect([status, body]).toEqual([200, '"hello"']);
  expect(headers).toMatchObject({ 'taskgate-decision-id': 'decision', 'x-common': 'c', 'content-length': '7' });
  expect(ended).toMatchObject([
    { method: 'Echo', transport: 'http', code: 0, caller: 'tester', decisionId: 'decision' },
  ]);
});

test('an error has the status of the table, and is counted', async () => {
  const { status, headers, body } = await ask('/echo', { body: 'down', headers: { 'x-common': 'c' } });
  expect([status, body, headers['x-common']]).toEqual([503, '"UnavailableError"', 'c']);
  expect(ended).toMatchObject([{ code: 14 }]);
});

describe('a body', () => {
  test('may come in chunks, with a length or without', async () => {
    const { socket, received } = await open();
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await delay(20);
    socket.write('2\r\nde\r\n0\r\n\r\n');
    await vi.waitFor(() => expect(received()).toContain('"abcde"'));
    socket.write(`${HEAD}content-length: 4\r\n\r\nab`);
    await delay(20);
    socket.write('cd');
    await vi.waitFor(() => expect(received()).toContain('"abcd"'));
    socket.destroy();
  });

  test.each<[string, string]>([
    ['says so', `content-length: ${MAX_BYTES + 1}\r\n\r\n`],
    ['turns out to be', `transfer-encoding: chunked\r\n\r\n400\r\n${'x'.repeat(1_024)}\r\n`],
  ])('that is too long is 413, when it %s', async (_, rest) => {
    const { socket, received } = await open();
    socket.write(`${HEAD}x-common: c\r\n${rest}`);
    await vi.waitFor(() => expect(received()).toContain('InvalidArgumentError'));
    expect(received()).toMatch(/^HTTP\/1\.1 413 /);
    expect(received()).toContain('x-common: c');
    expect(ended).toMatchObject([{ code: 3 }]);
    socket.destroy();
  });

  test('of just the length that is taken is taken', async () => {
    expect((await ask('/echo', { body: 'x'.repeat(MAX_BYTES) })).status).toBe(200);
    expect((await ask('/echo', { body: 'x'.repeat(MAX_BYTES + 1) })).status).toBe(413);
  });

  test('counts in the budget while it comes: of what all hold together, the largest ends', async () => {
    const slow = await Promise.all(Array.from({ length: 5 }, open));
    for (const [index, { socket }] of slow.entries()) {
      socket.write(`${HEAD}content-length: ${MAX_BYTES}\r\n\r\n${'x'.repeat(900 - index)}`);
    }
    await vi.waitFor(() => expect(ended).toHaveLength(2));
    expect(ended).toMatchObject([{ code: 8 }, { code: 8 }]);
    await vi.waitFor(() =>
      expect(slow.filter(({ received }) => received().startsWith('HTTP/1.1 429 '))).toHaveLength(2),
    );
    for (const { socket } of slow) socket.destroy();
    await vi.waitFor(() => expect(ended).toHaveLength(5));
    // What they held is given back.
    expect((await ask('/echo', { body: 'x'.repeat(MAX_BYTES) })).status).toBe(200);
  });

  test('counts in the budget until it is answered', async () => {
    const body = `wait${'x'.repeat(MAX_BYTES - 4)}`;
    const waiting = [ask('/echo', { body }), ask('/echo', { body })];
    await vi.waitFor(() => expect(held).toHaveLength(2));
    const third = await open();
    third.socket.write(`${HEAD}content-length: ${MAX_BYTES}\r\n\r\n${'x'.repeat(999)}`);
    await delay(50);
    expect(third.received()).toBe('');
    const fourth = await open();
    fourth.socket.write(`${HEAD}content-length: ${MAX_BYTES}\r\n\r\n${'x'.repeat(10)}`);
    // One of the largest, the last that came: its call is under way, so its connection is ended.
    await expect(Promise.all(waiting)).rejects.toThrow('socket hang up');
    for (const { release } of held) release();
    third.socket.destroy();
    fourth.socket.destroy();
    await Promise.allSettled(waiting);
    await vi.waitFor(async () => expect((await ask('/echo', { body: 'x'.repeat(MAX_BYTES) })).status).toBe(200));
  });

  test('whose sender leaves is cancelled, and nothing is decided', async () => {
    const { socket } = await open();
    socket.write(`${HEAD}content-length: 10\r\n\r\nwait`);
    await delay(20);
    socket.destroy();
    await vi.waitFor(() => expect(ended).toMatchObject([{ code: 1 }]));
    expect(held).toEqual([]);
  });

  test('of nobody who may ask is not read', async () => {
    const { socket, received } = await open();
    socket.write(`POST /echo HTTP/1.1\r\nhost: here\r\nauthorization: Bearer bad\r\ncontent-length: 500\r\n\r\n`);
    await vi.waitFor(() => expect(received()).toContain('UnauthenticatedError'));
    expect(received()).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  test('is not waited for where it is not looked at', async () => {
    const { socket, received } = await open();
    socket.write(
      `PUT /blind HTTP/1.1\r\nhost: here\r\ntaskgate-authorization: ${TOKEN}\r\ncontent-length: 500\r\n\r\n`,
    );
    await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1\.1 200 /));
    socket.destroy();
  });
});

describe('the caller', () => {
  test('has its token in the header that the endpoint says', async () => {
    expect((await ask('/blind')).status).toBe(401);
    expect((await ask('/blind', { headers: { 'taskgate-authorization': TOKEN } })).status).toBe(200);
  });

  test('is nobody with two of them, whichever comes first', async () => {
    for (const [first, second] of [
      [TOKEN, 'Bearer bad'],
      ['Bearer bad', TOKEN],
      [TOKEN, TOKEN],
    ]) {
      const { socket, received } = await open();
      socket.write(`POST /echo HTTP/1.1\r\nhost: here\r\nauthorization: ${first}\r\nauthorization: ${second}\r\n\r\n`);
      await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1\.1 401 /));
      socket.destroy();
    }
  });
});

test('a caller who leaves ends its call', async () => {
  const { socket } = await open();
  socket.write(`${HEAD}content-length: 4\r\n\r\nwait`);
  await vi.waitFor(() => expect(held).toHaveLength(1));
  socket.destroy();
  expect(await held[0]?.aborted).toMatchObject({ name: 'CancelledError' });
  held[0]?.release();
});

test('one call more than may be under way is 429', async () => {
  const waiting = [ask('/echo', { body: 'wait 1' }), ask('/echo', { body: 'wait 2' })];
  await vi.waitFor(() => expect(held).toHaveLength(2));
  expect((await ask('/echo', { body: 'one more' })).status).toBe(429);
  for (const { release } of held) release();
  expect((await Promise.all(waiting)).map(({ body }) => body).toSorted()).toEqual(['"wait 1"', '"wait 2"']);
});

test('requests on one connection are answered in their order, each with its own answer', async () => {
  const { socket, received } = await open();
  const request = (text: string): string => `${HEAD}content-length: ${text.length}\r\n\r\n${text}`;
  socket.write(`${request('wait')}${request('second')}${HEAD}content-length: 0\r\n\r\n`);
  await vi.waitFor(() => expect(held).toHaveLength(1));
  await delay(20);
  expect(received()).toBe('');
  held[0]?.release();
  await vi.waitFor(() => expect(received().match(/HTTP\/1\.1 200 /g)).toHaveLength(3));
  expect(received().match(/"[a-z]*"$|"[a-z]*"(?=HTTP)/g)).toEqual(['"wait"', '"second"', '""']);
  socket.destroy();
});

describe('the router', () => {
  test.each<[string, string, number, string | undefined]>([
    ['POST', '/echo', 200, undefined],
    ['POST', '/echo?a=/blind', 200, undefined],
    ['GET', '/echo', 405, 'POST'],
    ['DELETE', '/get', 405, 'GET, POST'],
    ['HEAD', '/get', 405, 'GET, POST'],
    ['GET', '/get?', 200, undefined],
    ['POST', '/Echo', 404, undefined],
    ['POST', '/echo/', 404, undefined],
    ['POST', '//echo', 404, undefined],
    ['POST', '/ech%6f', 404, undefined],
    ['POST', '/blind/../echo', 404, undefined],
    ['POST', '/__proto__', 404, undefined],
  ])('%s %s is %d', async (method, path, status, allow) => {
    const { socket, received } = await open();
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: here\r\nauthorization: ${TOKEN}\r\ncontent-length: 0\r\n\r\n`);
    await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1\.1 \d+ /));
    expect(received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(/^allow: (.*)\r$/m.exec(received())?.[1]).toBe(allow);
    if (status === 405) expect(received()).toContain('x-common: none');
    socket.destroy();
  });

  test('takes any method where the endpoint does', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'OPTIONS']) {
      expect((await ask('/blind', { method, headers: { 'taskgate-authorization': TOKEN } })).status).toBe(200);
    }
  });
});
