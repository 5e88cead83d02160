import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { AuthorizationService, CheckTaskResponseSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createGrpcListener } from '../../src/rpc/grpc-listener.ts';
import { defineUnary } from '../../src/rpc/procedure.ts';
import { createHealth } from '../../src/rpc/health.ts';
import type { Listener } from '../../src/rpc/listener.ts';
import { END_STREAM, FRAME, PREFACE, toCallHeaders, toFrame, toReset } from '../support/http2-frames.ts';
import { frameGrpcMessage } from '../support/raw-http.ts';

const KIB = 1024;
const MESSAGE_BYTES = 64 * KIB;
const REQUEST_TIMEOUT_MS = 400;
const MAX_CALLS = 10;
const MAX_RECEIVING = 4;
const END_HEADERS = 4;
/** Those at once after which resets are counted. */
const SUSPECT_CALLS = 16;
/** The same for an address that has done so not long ago. */
const SUSPECT_CALLS_AGAIN = 4;
/** What a new connection waits for after a flood. */
const PENALTY_MS = 250;
const PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.checkTask.name}`;
const EMPTY = frameGrpcMessage(Buffer.alloc(0));

let listener: Listener;
let opened: AsyncDisposableStack;
let handled = 0;
beforeEach(async () => {
  handled = 0;
  opened = new AsyncDisposableStack();
  listener = await createGrpcListener(
    {
      procedures: [defineUnary({ method: AuthorizationService.method.checkTask, handle: async () => never() })],
      pipeline: {
        refuse: () => undefined,
        run() {
          handled += 1;
          return { kind: 'message', message: create(CheckTaskResponseSchema) as never };
        },
        stream: never,
      },
      authenticate: () => LOCAL_CALLER,
      createDecisionId: () => 'id',
      health: createHealth().implementation,
    },
    {
      address: '127.0.0.1:0',
      socketMode: 0,
      maxMessageBytes: MESSAGE_BYTES,
      maxConcurrentStreams: MAX_CALLS,
      maxConnections: 3,
      maxHeaderBytes: 2 * KIB,
      maxReceiving: MAX_RECEIVING,
      maxReceivingBytes: 2 * MESSAGE_BYTES,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      idleTimeoutMs: 60_000,
      stallTimeoutMs: 60_000,
    },
  );
  opened.defer(async () => listener.close(0));
});
afterEach(async () => opened.disposeAsync());

function never(): never {
  throw new Error('not called');
}

function openSocket(): Socket {
  const { hostname, port } = new URL(`http://${listener.address}`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.resume();
  opened.defer(() => void socket.destroy());
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  // Not `once`, which an error would end.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

function openSession(): ClientHttp2Session {
  const session = connectHttp2(`http://${listener.address}`);
  session.on('error', () => undefined);
  opened.defer(() => session.destroy());
  return session;
}

function begin(session: ClientHttp2Session, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

/** The gRPC status of an answer, or the HTTP/2 code that ended it. */
async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  let status: unknown;
  stream.on('response', (headers) => (status ??= headers['grpc-status']));
  stream.on('trailers', (trailers) => (status ??= trailers['grpc-status']));
  stream.resume();
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  return typeof status === 'string' ? status : `reset ${stream.rstCode}`;
}

async function isServing(session = openSession()): Promise<void> {
  const stream = begin(session);
  stream.end(EMPTY);
  expect(await statusOf(stream)).toBe('0');
}

describe('a gRPC listener', () => {
  it('closes one connection more than it takes, and serves those that it has', async () => {
    const session = openSession();
    await isServing(session);
    const others = [openSocket(), openSocket()];
    await Promise.all(others.map(async (socket) => once(socket, 'connect')));
    await closed(openSocket());
    await isServing(session);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a part of the preface', PREFACE.subarray(0, 10)],
    ['no settings', PREFACE.subarray(0, 24)],
  ])('closes a connection that says %s', async (_, bytes) => {
    const socket = openSocket();
    socket.write(bytes);
    await closed(socket);
    await isServing();
  });

  it('ends a call whose message does not come whole, and keeps the connection', async () => {
    const session = openSession();
    const stream = begin(session);
    stream.write(EMPTY.subarray(0, 3));
    expect(await statusOf(stream)).toBe('4');
    await isServing(session);
    expect(handled).toBe(1);
  });

  it('ends the oldest of the calls that are slow to come when there are too many', async () => {
    const session = openSession();
    const [oldest, ...others] = Array.from({ length: MAX_RECEIVING + 1 }, () => begin(session));
    for (const stream of [...(oldest === undefined ? [] : [oldest]), ...others]) stream.write(EMPTY.subarray(0, 1));
    expect(oldest && (await statusOf(oldest))).toBe('8');
    for (const stream of others) stream.end(EMPTY.subarray(1));
    expect(await Promise.all(others.map(statusOf))).toEqual(others.map(() => '0'));
  });

  it('ends the largest of large messages that are not answered yet', async () => {
    const session = openSession();
    const large = frameGrpcMessage(Buffer.alloc(MESSAGE_BYTES - 5)).subarray(0, MESSAGE_BYTES - 1_000);
    const streams = [1, 2, 3].map(() => begin(session));
    const statuses = streams.map(statusOf);
    for (const stream of streams) stream.write(large);
    expect(await Promise.race(statuses)).toBe('8');
    await isServing(session);
    expect((await Promise.all(statuses)).toSorted()).toEqual(['4', '4', '8']);
  });

  it.each([
    [PATH, 'deflate'],
    [PATH, 'br'],
    ['/grpc.health.v1.Health/Check', 'gzip'],
  ])('says of %s in %s that it does not unpack that', async (path, encoding) => {
    const session = openSession();
    expect(await statusOf(begin(session, { ':path': path, 'grpc-encoding': encoding }))).toBe('12');
    expect(handled).toBe(0);
    await isServing(session);
  });

  it.each([
    ['long', { 'x-long': 'x'.repeat(3 * KIB) }],
    ['many', Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, '']))],
  ])('refuses %s headers, and keeps the connection', async (_, headers) => {
    const session = openSession();
    // ENHANCE_YOUR_CALM, which a gRPC client takes for RESOURCE_EXHAUSTED.
    expect(await statusOf(begin(session, headers))).toMatch(/^(8|reset 11)$/);
    expect(handled).toBe(0);
    await isServing(session);
  });

  describe('a connection that resets what it asks for', () => {
    const toResetCall = (stream: number): Buffer =>
      Buffer.concat([
        toFrame(FRAME.headers, END_HEADERS, stream, toCallHeaders(PATH, 'here')),
        toFrame(FRAME.data, END_STREAM, stream, EMPTY),
        toReset(stream),
      ]);

    /** The next connection waits. */
    async function isPunished(): Promise<void> {
      const sinceMs = performance.now();
      await isServing();
      expect(performance.now() - sinceMs).toBeGreaterThan(PENALTY_MS / 2);
    }

    it('is closed when it does so again and again, and no other is', async () => {
      const modest = openSession();
      for (let index = 0; index < MAX_CALLS; index += 1) begin(modest).close();
      const socket = openSocket();
      socket.write(PREFACE);
      let stream = 1;
      const timer = setInterval(() => {
        for (let index = 0; index < MAX_CALLS; index += 1, stream += 2) socket.write(toResetCall(stream));
      }, 5);
      await closed(socket);
      clearInterval(timer);
      await isServing(modest);
      await isPunished();
    });

    it('is closed when it does so at once, before all of it is looked at, and sooner the next time', async () => {
      for (const calls of [SUSPECT_CALLS, SUSPECT_CALLS_AGAIN]) {
        handled = 0;
        const socket = openSocket();
        socket.write(Buffer.concat([PREFACE, ...Array.from({ length: 400 }, (_, at) => toResetCall(2 * at + 1))]));
        await closed(socket);
        expect(handled).toBeLessThanOrEqual(calls);
      }
      await isPunished();
    });
  });
});
