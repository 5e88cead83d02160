import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { constants } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { OverloadedError, DeadlineExceededError } from '../domain/errors.ts';
import { toWireStatus } from '../calls/error-table.ts';
import type { Holding, ReceiveBudget } from '../calls/receive-budget.ts';
import { createFloodPenalties } from '../calls/flood-penalties.ts';
import { holdReading } from '../calls/hold-reading.ts';
import { UNCOUNTED_BYTES } from '../calls/receive-budget.ts';

/** What one connection and all of them may hold, and for how long. */
export interface ConnectionLimits {
  /** Connections of the listener; one more is closed at once. */
  readonly maxConnections: number;
  /** Streams (calls) that one connection may have open. It is closed if it resets more than that again and again. */
  readonly maxConcurrentStreams: number;
  /** Bytes of the headers of one call. */
  readonly maxHeaderBytes: number;
  /** Requests that have not come whole, all together; one more ends the oldest. */
  readonly maxReceiving: number;
  /** Milliseconds within which a connection must have begun to speak HTTP/2, and a request must have come whole. */
  readonly requestTimeoutMs: number;
}

/** Above what any caller sends; each pair costs memory besides its bytes. */
const MAX_HEADER_PAIRS = 128;
/** A connection may cancel all of its calls so often in a row, and once more each second (CVE-2023-44487). */
const RESET_BURST = 2;
/** Of so many that come on one connection at once half are not reset by anybody who is well. */
const SUSPECT_STREAMS = 16;
/** Of fewer, where the address has flooded not long ago: it takes longer to answer them than to end the connection. */
const SUSPECT_STREAMS_AGAIN = 4;
/** Each one that waits for its answer is kept. */
const MAX_OUTSTANDING = { maxOutstandingPings: 10, maxOutstandingSettings: 10 };
/** How the messages of a call may be packed. */
const ENCODING = 'grpc-encoding';
/** Health and reflection, which grpc-js decodes. */
const GRPC_OWN = '/grpc.';
const SWEEPS_PER_TIMEOUT = 4;
const MIN_SWEEP_MS = 25;
const MAX_SWEEP_MS = 1_000;

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

/**
 * Has grpc-js make its HTTP/2 servers with limits that it has no options of its own for. To be called before it binds.
 *
 * It changes what is not public in grpc-js, so it does nothing where that is not as it is known to be; a test says so.
 */
export function limitHttp2(
  server: Server,
  { maxConcurrentStreams, maxHeaderBytes, requestTimeoutMs }: ConnectionLimits,
): void {
  const options: unknown = Reflect.get(server, 'commonServerOptions');
  if (typeof options !== 'object' || options === null) return;
  const settings: unknown = Reflect.get(options, 'settings');
  Object.assign(options, {
    streamResetBurst: RESET_BURST * maxConcurrentStreams,
    streamResetRate: maxConcurrentStreams,
    ...MAX_OUTSTANDING,
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    // Of TLS, where there is any.
    handshakeTimeout: requestTimeoutMs,
    settings: { ...(typeof settings === 'object' ? settings : {}), maxHeaderListSize: maxHeaderBytes },
  });
}

/** Guards the connections of a server that is bound. Stop it when the server is closed. */
export function guardConnections(
  server: Server,
  { budget, ...limits }: ConnectionLimits & { readonly budget: ReceiveBudget },
): { stop(): void } {
  const http2Servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(http2Servers instanceof Map)) return { stop: () => undefined };
  const guard = createGuard(budget, limits);
  for (const http2Server of http2Servers.keys() as Iterable<Http2Server>) {
    http2Server.maxConnections = limits.maxConnections;
    http2Server.on('connection', guard.onConnection);
    http2Server.prependListener('session', guard.onSession);
    http2Server.prependListener('stream', guard.onStream);
  }
  return guard;
}

/** A connection, and its calls. */
interface CountedSession extends Http2Session {
  /** How many that come at once are looked at. */
  suspectStreams?: number;
  /** Those of this turn of the event loop. */
  fresh?: number;
  /** Those that were reset in the turn in which they came. */
  resets?: number;
}

/** A stream, and what has come on it. On the stream itself: a Map of all streams would cost every call. */
interface CountedStream extends ServerHttp2Stream {
  /** Its connection, also when it has ended. */
  connection?: CountedSession | undefined;
  receivedBytes?: number;
}

function createGuard(
  budget: ReceiveBudget,
  { maxConcurrentStreams, maxHeaderBytes, maxReceiving, requestTimeoutMs }: ConnectionLimits,
) {
  const penalties = createFloodPenalties();
  /** By when they came, the oldest first. */
  const greeting = new Map<Http2Session, number>();
  const receiving = new Map<CountedStream, number>();
  const large = new WeakMap<CountedStream, Holding>();
  let fresh: CountedStream[] = [];

  /** Streams whose request has not come whole with its headers: few do not. */
  const keepSlow = (): void => {
    const streams = fresh;
    fresh = [];
    for (const stream of streams) {
      const { connection } = stream;
      if (connection !== undefined) {
        connection.fresh = 0;
        if (isReset(stream)) connection.resets = (connection.resets ?? 0) + 1;
      }
      if (stream.readableEnded || stream.destroyed) continue;
      receiving.set(stream, performance.now());
      const forget = (): boolean => receiving.delete(stream);
      stream.once('end', forget);
      stream.once('close', forget);
    }
    while (receiving.size > maxReceiving) endOldest();
  };
  /** Ends a connection that resets what it asks for at once, before more of it is looked at. */
  const countFresh = (stream: CountedStream): void => {
    const connection: CountedSession | undefined = stream.session;
    if (connection === undefined || connection.destroyed) return;
    stream.connection = connection;
    connection.fresh = (connection.fresh ?? 0) + 1;
    if (connection.fresh % (connection.suspectStreams ?? SUSPECT_STREAMS) !== 0) return;
    const resets = fresh.filter((other) => other.connection === connection && isReset(other)).length;
    if (resets * 2 < connection.fresh) return;
    penalties.punish(connection.socket.remoteAddress);
    connection.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const endOldest = (): void => {
    for (const [stream] of receiving) {
      receiving.delete(stream);
      refuse(stream, new OverloadedError());
      return;
    }
  };
  function onData(this: CountedStream, { length }: Buffer): void {
    const received = (this.receivedBytes ?? 0) + length;
    this.receivedBytes = received;
    if (received <= UNCOUNTED_BYTES) return;
    const { session } = this;
    const waitMs = budget.pace(length);
    if (waitMs > 0 && session !== undefined && !session.destroyed) holdReading(session.socket, waitMs);
    let holding = large.get(this);
    if (holding === undefined) {
      holding = budget.hold(() => refuse(this, new OverloadedError()));
      large.set(this, holding);
      this.once('close', () => holding?.release());
      holding.add(received);
    } else {
      holding.add(length);
    }
  }
  const sweep = (): void => {
    const bornBefore = performance.now() - requestTimeoutMs;
    for (const [session, since] of greeting) {
      if (since > bornBefore) break;
      greeting.delete(session);
      session.destroy();
    }
    for (const [stream, since] of receiving) {
      if (since > bornBefore) break;
      receiving.delete(stream);
      refuse(stream, new DeadlineExceededError());
    }
  };
  const sweepMs = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, requestTimeoutMs / SWEEPS_PER_TIMEOUT));
  const timer = setInterval(sweep, sweepMs).unref();
  return {
    stop: () => clearInterval(timer),
    onSession: (session: CountedSession): void => {
      const { remoteAddress } = session.socket;
      if (penalties.has(remoteAddress)) session.suspectStreams = SUSPECT_STREAMS_AGAIN;
      // nghttp2 ends the connection when there are too many.
      session.once('error', () => {
        if ((session.resets ?? 0) >= maxConcurrentStreams) penalties.punish(remoteAddress);
      });
      greeting.set(session, performance.now());
      const greeted = (): boolean => greeting.delete(session);
      session.once('remoteSettings', greeted);
      session.once('close', greeted);
    },
    onConnection: (socket: Socket): void => penalties.receive(socket),
    onStream: (stream: CountedStream, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]): void => {
      // nghttp2 bounds them only when the other side has acknowledged our settings, which it may leave.
      let headerBytes = 0;
      for (const text of raw) headerBytes += text.length;
      if (headerBytes > maxHeaderBytes) refuse(stream, new OverloadedError());
      if (headers[ENCODING] !== undefined && headers[ENCODING] !== 'identity') keepPacked(stream, headers);
      stream.on('data', onData);
      if (fresh.push(stream) === 1) setImmediate(keepSlow);
      countFresh(stream);
    },
  };
}

/**
 * Has grpc-js hand on what is packed as it came: it would unpack all of it before anybody is asked who it is, however much
 * that is, and however often.
 */
function keepPacked(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const isTaken = headers[ENCODING] === 'gzip' && !String(headers[constants.HTTP2_HEADER_PATH]).startsWith(GRPC_OWN);
  headers[ENCODING] = 'identity';
  if (isTaken) return;
  answer(stream, {
    'grpc-status': `${status.UNIMPLEMENTED}`,
    'grpc-message': 'messages may be packed with gzip, of calls of taskgate alone',
    'grpc-accept-encoding': 'identity,gzip',
  });
}

/** True if the caller has cancelled it. */
function isReset({ rstCode }: ServerHttp2Stream): boolean {
  return rstCode === NGHTTP2_CANCEL;
}

function refuse(stream: ServerHttp2Stream, error: OverloadedError | DeadlineExceededError): void {
  answer(stream, { 'grpc-status': `${toWireStatus(error).grpc}`, 'grpc-message': error.message });
}

/** Answers a call that no handler has: trailers alone, and the rest of the request is not wanted (RFC 9113, 8.1). */
function answer(stream: ServerHttp2Stream, trailers: Readonly<Record<string, string>>): void {
  if (!stream.destroyed && !stream.headersSent) {
    const headers = {
      [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_OK,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto',
      ...trailers,
    };
    stream.respond(headers, { endStream: true });
  }
  stream.close(NGHTTP2_NO_ERROR);
}
