import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { RunningAttack } from './attack-sockets.ts';
import { holdSockets } from './attack-sockets.ts';
import { END_HEADERS, END_STREAM, FRAME, PREFACE, toCallHeaders, toFrame, toReset } from './http2-frames.ts';
import { holdMessages } from './held-messages.ts';
import { frameGrpcMessage } from './raw-http.ts';

/** Where a taskgate listens. */
export interface AttackTarget {
  readonly grpc: string;
  readonly http: string;
}

export type Attack = (target: AttackTarget) => RunningAttack;

const MIB = 1024 * 1024;
const MESSAGE_BYTES = 4 * MIB;
const CHUNK_BYTES = 16 * 1024;
/** One system call for each: one for all of it would keep whoever shares the core from it for as long as that takes. */
const PIECE_BYTES = 64 * 1024;
const TRICKLE_MS = 100;
const IDLE_CONNECTIONS = 1_000;
const SLOW_CONNECTIONS = 200;
/** Enough that there is always one that unpacks. */
const PACKED_CONNECTIONS = 8;
/** What one connection may have open. */
const STREAMS = 256;
const RESETS_AT_ONCE = 200;
const { checkTask, filterReadableTasks } = AuthorizationService.method;
const PATH = `/${AuthorizationService.typeName}/${checkTask.name}`;
const LIST_PATH = `/${AuthorizationService.typeName}/${filterReadableTasks.name}`;
const ONE_BYTE = Buffer.alloc(1);

/** Everything that is tried on a taskgate, by what it is called. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'rapid reset': ({ grpc }) =>
    holdSockets({
      target: grpc,
      connections: 4,
      onOpen(socket, done) {
        socket.write(PREFACE);
        socket.resume();
        let stream = 1;
        return setInterval(() => {
          if (socket.writableLength > 0) return;
          const frames: Buffer[] = [];
          for (let index = 0; index < RESETS_AT_ONCE; index += 1, stream += 2) {
            frames.push(toCall(grpc, stream), toData(stream, frameGrpcMessage(ONE_BYTE), END_STREAM), toReset(stream));
            done();
          }
          socket.write(Buffer.concat(frames));
        }, 10);
      },
    }),
  'a preface that trickles': ({ grpc }) => trickle(grpc, Buffer.alloc(0), PREFACE.subarray(0, -1)),
  'gRPC headers that trickle': ({ grpc }) => {
    const begun = toFrame(FRAME.headers, 0, 1, toCallHeaders(PATH, grpc));
    const more = toFrame(FRAME.continuation, 0, 1, Buffer.from([0x00, 1, 0x61, 1, 0x62]));
    return trickle(grpc, Buffer.concat([PREFACE, begun]), Buffer.concat(Array.from({ length: 600 }, () => more)));
  },
  'a gRPC message that trickles': ({ grpc }) =>
    trickle(grpc, Buffer.concat([PREFACE, toCall(grpc, 1)]), toData(1, Buffer.alloc(4_000), 0)),
  'HTTP headers that trickle': ({ http }) =>
    trickle(http, Buffer.alloc(0), toHttpHeaders({ 'x-slow': 'x'.repeat(4_000) })),
  'an HTTP body that trickles': ({ http }) =>
    trickle(http, toHttpHeaders({ 'content-length': '4000' }), Buffer.alloc(4_000, ' ')),
  '1,000 idle gRPC connections': ({ grpc }) => hold(grpc, IDLE_CONNECTIONS, PREFACE),
  '1,000 idle HTTP connections': ({ http }) => hold(http, IDLE_CONNECTIONS, Buffer.alloc(0)),
  'gRPC messages that lack one byte': ({ grpc }) =>
    holdMessages({
      target: grpc,
      path: PATH,
      connections: 4,
      calls: STREAMS,
      bytes: frameGrpcMessage(Buffer.alloc(MESSAGE_BYTES)).subarray(0, -1),
    }),
  'HTTP bodies that lack one byte': ({ http }) =>
    hold(
      http,
      100,
      Buffer.concat([toHttpHeaders({ 'content-length': `${MESSAGE_BYTES}` }), Buffer.alloc(MESSAGE_BYTES - 1, ' ')]),
    ),
  '64 MiB of JSON': ({ http }) => sendAgain(http, 4, toHttpRequest(Buffer.alloc(64 * MIB, '['))),
  'arrays that nest 500,000 deep': ({ http }) => sendAgain(http, 2, toHttpRequest(Buffer.alloc(500_000, '['))),
  'objects that nest 200,000 deep': ({ http }) => sendAgain(http, 2, toHttpRequest('{"a":'.repeat(200_000))),
  'messages that nest 1,000,000 deep': ({ grpc }) => {
    // Of a field that no request has.
    const groups = frameGrpcMessage(Buffer.alloc(MIB, 0x7b));
    return sendAgain(grpc, 2, toCallOf(grpc, groups));
  },
  'messages with 80,000 principals': ({ grpc }) => {
    const principals = frameGrpcMessage(
      Buffer.alloc(MIB, Buffer.from([0x0a, 11, 0x0a, 9, ...Buffer.from('principal')])),
    );
    return sendAgain(grpc, 2, toCallOf(grpc, principals));
  },
  'gRPC lists of 500,000 resources': ({ grpc }) => {
    const resources = frameGrpcMessage(Buffer.alloc(MIB, Buffer.from([0x12, 0])));
    return sendAgain(grpc, 2, toCallOf(grpc, resources, LIST_PATH));
  },
  'HTTP lists of 300,000 resources': ({ http }) =>
    sendAgain(http, 2, toHttpRequest(`{"resources":[${'{},'.repeat(300_000)}{}]}`, LIST_PATH)),
  'gRPC lists that unpack to 2,000,000 resources': ({ grpc }) => {
    const resources = gzipSync(Buffer.alloc(MESSAGE_BYTES, Buffer.from([0x12, 0])));
    const message = frameGrpcMessage(resources, { isPacked: true });
    return sendAgain(grpc, PACKED_CONNECTIONS, toCallOf(grpc, message, LIST_PATH, { 'grpc-encoding': 'gzip' }));
  },
  'HTTP lists that unpack to 1,300,000 resources': ({ http }) => {
    const resources = gzipSync(`{"resources":[${'{},'.repeat(1_300_000)}{}]}`);
    const headers = { 'content-encoding': 'gzip', 'content-length': `${resources.length}` };
    return sendAgain(http, PACKED_CONNECTIONS, Buffer.concat([toHttpHeaders(headers, LIST_PATH), resources]));
  },
  '1 MiB of HTTP headers': ({ http }) =>
    sendAgain(http, 8, toHttpHeaders({ 'content-length': '0', 'x-huge': 'x'.repeat(MIB) })),
  '1 MiB of gRPC metadata': ({ grpc }) => {
    const field = Buffer.concat([Buffer.from([0x00, 1, 0x61, 0x7f, 0x81, 0x7e]), Buffer.alloc(16_256, 'x')]);
    const more = Array.from({ length: 64 }, (_, index) =>
      toFrame(FRAME.continuation, index === 63 ? END_HEADERS : 0, 1, field),
    );
    const begun = toFrame(FRAME.headers, END_STREAM, 1, toCallHeaders(PATH, grpc));
    return sendAgain(grpc, 8, Buffer.concat([PREFACE, begun, ...more]));
  },
  'requests of which no answer is read': ({ http }) =>
    holdSockets({
      target: http,
      connections: 8,
      reconnectMs: 500,
      onOpen(socket, done) {
        socket.pause();
        const requests = Buffer.concat(Array.from({ length: 100 }, () => toHttpRequest('{}')));
        return setInterval(() => {
          if (socket.writableLength > 0) return;
          socket.write(requests);
          done();
        }, 5);
      },
    }),
};

function toCall(authority: string, stream: number): Buffer {
  return toFrame(FRAME.headers, END_HEADERS, stream, toCallHeaders(PATH, authority));
}

function toData(stream: number, payload: Buffer, flags: number): Buffer {
  return toFrame(FRAME.data, flags, stream, payload);
}

/** A whole call with a large message, in frames of the size that every server takes. */
function toCallOf(
  authority: string,
  message: Buffer,
  path = PATH,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const frames = [PREFACE, toFrame(FRAME.headers, END_HEADERS, 1, toCallHeaders(path, authority, headers))];
  for (let at = 0; at < message.length; at += CHUNK_BYTES) {
    const isLast = at + CHUNK_BYTES >= message.length;
    frames.push(toData(1, message.subarray(at, at + CHUNK_BYTES), isLast ? END_STREAM : 0));
  }
  return Buffer.concat(frames);
}

function toHttpHeaders(headers: Readonly<Record<string, string>>, path = PATH): Buffer {
  const lines = Object.entries({ host: 'here', 'content-type': 'application/json', ...headers });
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
}

function toHttpRequest(body: Buffer | string, path = PATH): Buffer {
  return Buffer.concat([toHttpHeaders({ 'content-length': `${Buffer.byteLength(body)}` }, path), Buffer.from(body)]);
}

/** Sends `first` and then no more than a byte at a time. */
function trickle(target: string, first: Buffer, rest: Buffer): RunningAttack {
  return holdSockets({
    target,
    connections: SLOW_CONNECTIONS,
    onOpen(socket, done) {
      socket.write(first);
      socket.resume();
      done();
      let at = 0;
      return setInterval(() => {
        if (at < rest.length) socket.write(rest.subarray(at, (at += 1)));
      }, TRICKLE_MS);
    },
  });
}

/** Sends something, and keeps the connection. */
function hold(target: string, connections: number, first: Buffer): RunningAttack {
  return holdSockets({
    target,
    connections,
    onOpen(socket, done) {
      writePieces(socket, first);
      socket.resume();
      done();
      return undefined;
    },
  });
}

/** Sends the same on one connection after another, until the server answers or ends it. */
function sendAgain(target: string, connections: number, bytes: Buffer): RunningAttack {
  return holdSockets({
    target,
    connections,
    onOpen(socket, done) {
      socket.once('end', () => socket.destroy());
      socket.once('close', done);
      // HTTP/2 answers with its own settings first: what follows those is about the call.
      let received = 0;
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > 100) setTimeout(() => socket.destroy(), 10);
      });
      writePieces(socket, bytes);
      return undefined;
    },
  });
}

function writePieces(socket: Socket, bytes: Buffer): void {
  if (bytes.length === 0 || socket.destroyed) return;
  socket.write(bytes.subarray(0, PIECE_BYTES), () => writePieces(socket, bytes.subarray(PIECE_BYTES)));
}
