import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import type { HttpServer, HttpServerOptions, RequestHandler } from '../../src/http/http-server.ts';
import { openHttpServer } from '../../src/http/http-server.ts';

const STALL_TIMEOUT_MS = 300;
/** Longer than Node keeps a connection between two requests. */
const SOON_MS = 10_000;
const REQUEST = 'GET / HTTP/1.1\r\nhost: here\r\n\r\n';

let server: HttpServer;
let socket: Socket;
afterEach(async () => {
  socket.destroy();
  await server.close(0);
});

async function openConnection(handler: RequestHandler, changed: Partial<HttpServerOptions> = {}): Promise<void> {
  const limits = {
    requestTimeoutMs: 60_000,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    maxConnections: 10,
    maxHeaderBytes: 1_024,
  };
  const options = { host: '127.0.0.1', port: 0, ...limits, ...changed };
  server = await openHttpServer(handler, options);
  const { hostname, port } = new URL(`http://${server.address}`);
  socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
}

/** Resolves when the server has closed it. */
async function closed(): Promise<unknown> {
  socket.resume();
  return once(socket, 'close', { signal: AbortSignal.timeout(SOON_MS) });
}

test('closes a connection without a request', async () => {
  await openConnection((_request, response) => response.end());
  await closed();
});

test('closes a connection after its last answer', { timeout: 2 * SOON_MS }, async () => {
  await openConnection((_request, response) => response.end('done'));
  socket.write(REQUEST);
  await once(socket, 'data');
  await closed();
});

test('closes a connection whose reader has stopped', async () => {
  const ended = Promise.withResolvers<boolean>();
  await openConnection((_request, response) => {
    response.once('close', () => ended.resolve(response.writableFinished));
    response.write(Buffer.alloc(64 * 1024 * 1024));
  });
  socket.write(REQUEST);
  socket.pause();
  expect(await ended.promise).toBe(false);
});

test('keeps a connection whose answer is still being made', async () => {
  await openConnection((_request, response) => {
    void delay(3 * STALL_TIMEOUT_MS).then(() => response.end('made'));
  });
  socket.write(REQUEST);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('made');
});

test.each([
  ['is drained', 1],
  ['is too long to be drained', 16],
])('keeps nothing of a body that %s', async (_what, mebibytes) => {
  const asked = Promise.withResolvers<IncomingMessage>();
  const chunks: Buffer[] = [];
  await openConnection((request, response) => {
    const emit = request.emit.bind(request);
    request.emit = (name: string, ...args: unknown[]) => {
      if (name === 'data') chunks.push(args[0] as Buffer);
      return emit(name, ...args);
    };
    asked.resolve(request);
    // By then some of it is here.
    setTimeout(() => response.writeHead(429).end(), 50);
  });
  const bytes = mebibytes * 1024 * 1024;
  socket.write(`POST / HTTP/1.1\r\nhost: here\r\ncontent-length: ${bytes}\r\n\r\n`);
  socket.write(Buffer.alloc(bytes - 1, 'x'));
  const request = await asked.promise;
  await once(socket, 'data');
  await delay(200);
  expect(chunks.length).toBeGreaterThan(0);
  expect(chunks.map(({ length }) => length)).toEqual(chunks.map(() => 0));
  expect(request.readableLength).toBeLessThanOrEqual(2 * 64 * 1024);
});

test.each([
  ['waits where one before it was answered before all of its long body had come', 128 * 1024, 140, 600],
  ['waits for nothing where that body was short', 32 * 1024, 0, 140],
])('a new connection %s', async (_what, bytes, leastMs, mostMs) => {
  await openConnection((_request, response) => void response.end('answered'));
  socket.write(`POST / HTTP/1.1\r\nhost: here\r\ncontent-length: ${bytes}\r\n\r\nx`);
  await once(socket, 'data');
  const startedAtMs = performance.now();
  const answer = await fetch(`http://${server.address}`, { headers: { connection: 'close' } });
  expect(await answer.text()).toBe('answered');
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(leastMs);
  expect(performance.now() - startedAtMs).toBeLessThan(mostMs);
});

test('tells a kept connection to go while it drains', async () => {
  await openConnection((_request, response) => response.end('done'));
  const ask = async (): Promise<string> => {
    socket.write(REQUEST);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  expect(await ask()).toContain('Connection: keep-alive');
  server.drain();
  expect(await ask()).toContain('Connection: close');
  await closed();
});

test('closes a connection that takes no answer and asks on, and has no more made of what came with it', async () => {
  let asked = 0;
  let made = 0;
  const count = (): void => void (made += 1);
  subscribe('http.server.request.start', count);
  onTestFinished(() => void unsubscribe('http.server.request.start', count));
  await openConnection(() => void (asked += 1), { stallTimeoutMs: 60_000 });
  socket.write(REQUEST.repeat(100));
  await closed();
  expect(asked).toBe(4);
  expect(made).toBe(5);
});

test('closes one connection more than it takes', async () => {
  await openConnection((_request, response) => response.end('done'), { maxConnections: 1, stallTimeoutMs: 60_000 });
  const { port } = new URL(`http://${server.address}`);
  const other = connect(Number(port), '127.0.0.1');
  other.on('error', () => undefined).resume();
  await new Promise((resolve) => other.once('close', resolve));
  socket.write(REQUEST);
  expect(String(await once(socket, 'data'))).toContain('200 OK');
});

test.each([
  ['headers', 'GET / HTTP/1.1\r\nhost: he'],
  ['body', 'POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 10\r\n\r\n12345'],
])('answers 408 when the %s of a request do not come', async (_, begun) => {
  await openConnection(() => undefined, { requestTimeoutMs: 200, stallTimeoutMs: 60_000 });
  socket.write(begun);
  expect(String(await once(socket, 'data'))).toContain('408');
  await closed();
});

test('answers 431 to headers that are too long', async () => {
  await openConnection(() => undefined, { stallTimeoutMs: 60_000 });
  socket.write(`GET / HTTP/1.1\r\nx-long: ${'x'.repeat(2_000)}\r\n\r\n`);
  expect(String(await once(socket, 'data'))).toContain('431');
  await closed();
});

test.each([
  ['are not answered', () => undefined],
  ['are answered at once', (_request: unknown, response: ServerResponse) => void response.end()],
])('closes a connection that sends on while its requests %s, and has the next one wait', async (_, handler) => {
  let taken = 0;
  const stacks: string[] = [];
  const { stackTraceLimit } = Error;
  const count: RequestHandler = (request, response) => {
    taken += 1;
    const destroy = request.destroy.bind(request);
    request.destroy = (error) => {
      stacks.push(error?.stack ?? '');
      return destroy(error);
    };
    handler(request, response);
  };
  await openConnection(count, { stallTimeoutMs: SOON_MS });
  const end = closed();
  socket.write(REQUEST.repeat(4));
  await expect.poll(() => taken).toBe(4);
  socket.write(REQUEST.repeat(400));
  await end;
  expect(taken).toBeLessThanOrEqual(8);
  expect(stacks).not.toEqual([]);
  expect(stacks.filter((stack) => stack.includes('\n'))).toEqual([]);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  const before = taken;
  const sinceMs = performance.now();
  const next = connect(Number(new URL(`http://${server.address}`).port), '127.0.0.1');
  next.write(REQUEST);
  await expect.poll(() => taken, { timeout: 3_000 }).toBe(before + 1);
  next.destroy();
  expect(performance.now() - sinceMs).toBeGreaterThan(125);
});
