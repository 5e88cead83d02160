import { once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { createServer } from 'node:http2';

/** A gRPC server in name only: it takes connections and calls and never answers one. */
export interface SilentHttp2 extends AsyncDisposable {
  readonly endpoint: string;
  /** Calls that came, and those that a client reset, each by its path. */
  readonly started: readonly string[];
  readonly reset: readonly string[];
}

export async function startSilentHttp2(): Promise<SilentHttp2> {
  const started: string[] = [];
  const reset: string[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    started.push(path);
    stream.on('error', () => undefined);
    stream.on('close', () => reset.push(path));
    stream.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `127.0.0.1:${address.port}`,
    started,
    reset,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
