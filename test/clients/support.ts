import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import type { Answer, Check } from '../../clients/typescript/src/client.ts';
import type { TaskgateClient } from '../../clients/typescript/src/client.ts';

/** A check of the sample data. */
export function readMessage(userId: string, id: string): Check {
  return { principal: { userId, accountId: 'acme' }, resource: { type: 'message', id }, operation: 'read' };
}

/** Stands before a client, to answer for it when a test says so. */
export interface StagedClient {
  readonly client: TaskgateClient;
  /** What the next checks do. Undefined: the real client answers. */
  stage(answer: (() => Promise<Answer>) | undefined): void;
  /** The signals that checks were given. */
  readonly signals: readonly (AbortSignal | undefined)[];
}

export function stageClient(real: TaskgateClient): StagedClient {
  let staged: (() => Promise<Answer>) | undefined;
  const signals: (AbortSignal | undefined)[] = [];
  return {
    client: {
      ...real,
      async check(check, options) {
        signals.push(options?.signal);
        return staged === undefined ? real.check(check, options) : staged();
      },
    },
    stage(answer) {
      staged = answer;
    },
    signals,
  };
}

/** A port that takes connections and never says a word. */
export async function startSilentPort(): Promise<{ readonly address: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
