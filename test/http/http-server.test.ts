import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { HttpServer, RequestHandler } from '../../src/http/http-server.ts';
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

async function openConnection(handler: RequestHandler): Promise<void> {
  const limits = {
    requestTimeoutMs: 60_000,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    maxConnections: 10,
    maxHeaderBytes: 1_024,
  };
  const options = { host: '127.0.0.1', port: 0, ...limits };
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
