import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { connect as openSocket } from 'node:net';
import { connect, constants, createServer } from 'node:http2';
import { WATCH } from '../../src/relationships/spicedb-methods.ts';

const { HTTP2_HEADER_PATH, HTTP2_HEADER_STATUS, NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR } =
  constants;
const UNAVAILABLE = { [HTTP2_HEADER_STATUS]: 200, 'content-type': 'application/grpc', 'grpc-status': '14' };

/**
 * What happens to Watch; every other call passes.
 * - `ok`: it passes.
 * - `refuse`: streams end, and new ones are answered UNAVAILABLE.
 * - `reset`: streams are reset, old and new.
 * - `hang`: streams stay open and nothing comes any more; `ok` delivers what was held, as a network that heals does.
 */
export type WatchMode = 'ok' | 'refuse' | 'reset' | 'hang';

export interface WatchProxy extends AsyncDisposable {
  /** `host:port`, the same in every mode. */
  readonly address: string;
  /** Streams of Watch that are open and pass. */
  readonly openWatches: number;
  /** Calls of this method (`/package.Service/Method`) that have come so far. */
  calls(path: string): number;
  /** In force when it returns, for the streams that are open too. */
  setMode(mode: WatchMode): void;
}

export interface WatchProxyOptions {
  /** Told of each call with one request when all of it has come: its path and the bytes, with the prefix of gRPC. */
  readonly onCall?: (path: string, body: Buffer) => void;
}

/** A cleartext HTTP/2 proxy in front of SpiceDB at `host:port` or `unix:/path` that can cut Watch and nothing else. */
export async function startWatchProxy(target: string, { onCall }: WatchProxyOptions = {}): Promise<WatchProxy> {
  let mode: WatchMode = 'ok';
  const watches = new Map<ServerHttp2Stream, ClientHttp2Stream>();
  const sessions = new Set<ServerHttp2Session>();
  const calls = new Map<string, number>();
  const upstream = createUpstream(target);

  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const path = String(headers[HTTP2_HEADER_PATH]);
    calls.set(path, (calls.get(path) ?? 0) + 1);
    const isWatch = path === WATCH.path;
    if (onCall !== undefined) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => onCall(path, Buffer.concat(chunks)));
    }
    if (isWatch && (mode === 'refuse' || mode === 'reset')) {
      if (mode === 'reset') stream.close(NGHTTP2_INTERNAL_ERROR);
      else stream.respond(UNAVAILABLE, { endStream: true });
      return;
    }
    const call = upstream.request(headers);
    passOn(stream, call);
    if (!isWatch) return;
    if (mode === 'hang') call.pause();
    watches.set(stream, call);
    stream.on('close', () => watches.delete(stream));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    get openWatches() {
      return mode === 'ok' ? watches.size : 0;
    },
    calls: (path) => calls.get(path) ?? 0,
    setMode(next) {
      mode = next;
      for (const [stream, call] of watches) {
        if (next === 'ok') call.resume();
        else if (next === 'hang') call.pause();
        else stream.close(NGHTTP2_INTERNAL_ERROR);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      upstream.close();
      server.close();
      await once(server, 'close');
    },
  };
}

/** SpiceDB recycles connections every 30 s: calls that are under way go on, and the next takes a new connection. */
function createUpstream(target: string) {
  let current: ClientHttp2Session | undefined;
  const open = (): ClientHttp2Session => {
    if (current !== undefined && !current.closed && !current.destroyed) return current;
    const session = target.startsWith('unix:')
      ? connect('http://localhost', { createConnection: () => openSocket(target.slice('unix:'.length)) })
      : connect(`http://${target}`);
    session.on('error', () => undefined);
    session.on('goaway', () => {
      if (current === session) current = undefined;
    });
    current = session;
    return session;
  };
  return {
    request: (headers: Parameters<ClientHttp2Session['request']>[0]) => open().request(headers),
    close: () => current?.destroy(),
  };
}

function passOn(stream: ServerHttp2Stream, call: ClientHttp2Stream): void {
  let trailers = {};
  call.on('error', () => undefined);
  call.on('response', (headers, flags) => {
    if (stream.destroyed) return;
    const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(headers, endStream ? { endStream } : { waitForTrailers: true });
  });
  call.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.pipe(call);
  call.on('data', (chunk: Buffer) => void stream.write(chunk));
  call.on('end', () => stream.end());
  call.on('close', () => {
    if (call.rstCode !== 0) stream.close(call.rstCode);
  });
  stream.on('close', () => call.close(NGHTTP2_CANCEL));
}
