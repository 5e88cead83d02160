import type { IncomingMessage } from 'node:http';
import { createServer, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createFloodPenalties } from '../calls/flood-penalties.ts';
import type { TlsSource } from '../authorize/ports-callers.ts';
import { createBodyDrain } from './drain-bodies.ts';
import { hasBody, isAtMost } from './read-body.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Milliseconds within which the headers, and the whole request, must have come. */
  readonly requestTimeoutMs: number;
  /**
   * Milliseconds after which a connection on which nothing moves is closed: one without a request, or whose reader has
   * stopped. One whose answer is still being made stays.
   */
  readonly stallTimeoutMs: number;
  /** Absent: plain text. */
  readonly tls?: TlsSource;
  /** Connections; one more is closed at once. */
  readonly maxConnections: number;
  /** Bytes of the headers of one request; more is 431. */
  readonly maxHeaderBytes: number;
}

/**
 * Requests on one connection that wait behind another, or that come in one turn of the event loop: nobody who is well sends
 * one before the last is answered.
 */
const MAX_PIPELINED = 4;
/** What the parser of a connection is told where what follows the headers is no HTTP (an upgrade). */
const ENDS_HTTP = 2;
/** A body of no more is read whole by whoever reads it, since no limit is lower, and else by Node. */
const SHORT_BODY_BYTES = 1_024;
/** Who sends more than this and is answered before all of it has come has done so in vain, and costs much. */
const LONG_BODY_BYTES = 64 * 1_024;
/** Time-outs of requests are seen this often at the least. */
const MAX_CHECK_INTERVAL_MS = 1_000;

export interface HttpServer {
  /** Where it listens, with the port that it really got. */
  readonly address: string;
  /** Answers what comes from now on with `connection: close`: who keeps connections opens the next one elsewhere. */
  drain(): void;
  /** Stops taking requests, lets those under way finish for `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A connection, and the requests on it. */
interface CountedSocket extends Socket {
  /** Those that wait behind another. */
  pipelined?: number;
  /** Those of one turn of the event loop, answered or not, and which turn it is. */
  inTurn?: number;
  turn?: number;
}

/** Opens an HTTP/1.1 server. @throws Error naming the address if it can't be had. */
export async function openHttpServer(handler: RequestHandler, options: HttpServerOptions): Promise<HttpServer> {
  const drainBody = createBodyDrain();
  const penalties = createFloodPenalties();
  const isFlood = createIsFlood();
  let isDraining = false;
  const server = createAnyServer(options, (request, response) => {
    if (isDraining) response.shouldKeepAlive = false;
    const { socket } = request;
    // What came in one piece with the request that ended it.
    if (socket.destroyed) return;
    if (isFlood(socket, response)) {
      penalties.punish(socket.remoteAddress);
      destroyFlood(socket);
      return;
    }
    if (hasBody(request) && !isAtMost(request, SHORT_BODY_BYTES)) {
      // Who stops reading a body (one that is too large) must not destroy the connection that the answer goes out on.
      request[Symbol.asyncIterator] = () => request.iterator({ destroyOnReturn: false });
      // Before Node's own listener, which has all of a body read that nobody has begun to read.
      response.prependOnceListener('finish', () => {
        if (!request.complete && !isAtMost(request, LONG_BODY_BYTES)) penalties.punish(socket.remoteAddress);
        drainBody(request);
      });
    }
    handler(request, response);
  });
  const stalls = endStalled(server, options);
  // No timers of Node's for a connection: they are set anew with each request, and that of one between two requests is one
  // that gateways, which keep theirs for a minute, run into with a request that is under way.
  server.setTimeout(0);
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => penalties.receive(socket));
  server.maxConnections = options.maxConnections;
  // The bytes of headers are bounded. Node drops what is above a count without a word: what a gateway appends comes last.
  server.maxHeadersCount = 0;
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(`can't listen on ${host}:${port}: ${cause.message}`, { cause })));
    server.listen(port, host, resolve);
  });
  return {
    address: formatAddress(server.address()),
    drain() {
      isDraining = true;
    },
    async close(graceMs) {
      isDraining = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(stalls);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

/** New connections get the certificate and the authority that are there when they begin. */
function createAnyServer({ tls, requestTimeoutMs, maxHeaderBytes }: HttpServerOptions, handler: RequestHandler) {
  const bounds = {
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, requestTimeoutMs),
    maxHeaderSize: maxHeaderBytes,
    // A request without a body has no events of one, which cost more than reading its headers.
    optimizeEmptyRequests: true,
  };
  if (tls === undefined) return createServer(bounds, handler);
  const openedAtMs = new WeakMap<Socket, number>();
  const server = createTlsServer({ ...bounds, ...tls.server, ...tls.current() }, (request, response) => {
    const ageMs = performance.now() - (openedAtMs.get(request.socket) ?? 0);
    if (ageMs >= (tls.maxConnectionAgeMs ?? Infinity)) response.setHeader('connection', 'close');
    handler(request, response);
  });
  server.on('secureConnection', (socket) => openedAtMs.set(socket, performance.now()));
  tls.onChange((material) => server.setSecureContext(material));
  return server;
}

/** For each request: true if its connection sends more and more of them without waiting for an answer. */
function createIsFlood(): (socket: CountedSocket, response: ServerResponse) => boolean {
  let turn = 0;
  let isTurnEnding = false;
  const endTurn = (): void => {
    turn += 1;
    isTurnEnding = false;
  };
  return (socket, response) => {
    if (!isTurnEnding) {
      isTurnEnding = true;
      setImmediate(endTurn);
    }
    const inTurn = socket.turn === turn ? (socket.inTurn ?? 0) + 1 : 1;
    socket.inTurn = inTurn;
    socket.turn = turn;
    // Behind another it has no socket yet.
    return inTurn > MAX_PIPELINED || (response.socket === null && countPipelined(socket, response) >= MAX_PIPELINED);
  };
}

/**
 * Reads no more of what has come: Node would make a request of each that is in the same piece. It then fails each that it
 * has made with an error, whose stack takes longer than the request and is read by nobody.
 */
function destroyFlood(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser');
  // It is not public in Node, so nothing changes where there is no such thing. A test says so.
  if (typeof parser === 'object' && parser !== null && 'onIncoming' in parser) parser.onIncoming = () => ENDS_HTTP;
  const { stackTraceLimit } = Error;
  socket.prependOnceListener('close', () => {
    Error.stackTraceLimit = 0;
  });
  socket.once('close', () => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  socket.destroy();
}

function countPipelined(socket: CountedSocket, response: ServerResponse): number {
  const pipelined = (socket.pipelined ?? 0) + 1;
  socket.pipelined = pipelined;
  response.once('close', () => {
    socket.pipelined = (socket.pipelined ?? 1) - 1;
  });
  return pipelined;
}

/** What has moved on a connection when it was last looked at. */
interface Movement {
  bytes: number;
  sinceMs: number;
}

const LOOKS_PER_TIMEOUT = 8;

/**
 * Ends connections on which nothing moves. An answer that is still being made keeps nobody waiting but its own caller, who
 * has a deadline.
 */
function endStalled(server: NodeJS.EventEmitter, { stallTimeoutMs, tls }: HttpServerOptions): NodeJS.Timeout {
  const movements = new Map<Socket, Movement>();
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    movements.set(socket, { bytes: 0, sinceMs: performance.now() });
    socket.once('close', () => movements.delete(socket));
  });
  const look = (): void => {
    const nowMs = performance.now();
    for (const [socket, movement] of movements) {
      const bytes = socket.bytesRead + socket.bytesWritten;
      if (bytes !== movement.bytes) {
        movement.bytes = bytes;
        movement.sinceMs = nowMs;
      } else if (
        nowMs - movement.sinceMs >= stallTimeoutMs &&
        (!isBeingAnswered(socket) || socket.writableLength > 0)
      ) {
        socket.destroy();
      }
    }
  };
  return setInterval(look, stallTimeoutMs / LOOKS_PER_TIMEOUT).unref();
}

/** Node keeps on the connection what it answers there, for as long as it does; a test says so. */
function isBeingAnswered(socket: Socket): boolean {
  return Reflect.get(socket, '_httpMessage') instanceof ServerResponse;
}

function formatAddress(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
