import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';

export interface Impostor extends AsyncDisposable {
  /** On loopback. */
  readonly port: number;
}

/** What a client asks when it connects is answered well, so that it goes on to ask for what it wants. */
const HANDSHAKE: ReadonlyMap<string, string> = new Map([
  ['INFO', '$9\r\nloading:0\r\n'],
  ['CLIENT', '+OK\r\n'],
  ['HELLO', '-NOPROTO unsupported protocol version\r\n'],
]);

/** A Redis in name only: answers every command but those of a handshake with the next of `replies`, as RESP. */
export async function startImpostorRedis(replies: readonly string[]): Promise<Impostor> {
  let next = 0;
  return listenAsImpostor((socket) => {
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      for (;;) {
        const command = takeCommand(received);
        if (command === undefined) return;
        received = received.slice(command.length);
        socket.write(HANDSHAKE.get(command.name) ?? replies[next++ % replies.length] ?? '');
      }
    });
  });
}

/** A server on a loopback port whose connections are cut when it is disposed. */
export async function listenAsImpostor(onConnection: (socket: Socket) => void): Promise<Impostor> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first command of what was received, which is an array of bulk strings, and its length; undefined if it is not whole. */
function takeCommand(received: string): { readonly name: string; readonly length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(received);
  if (head === null) return undefined;
  let at = head[0].length;
  let name = '';
  for (let part = 0; part < Number(head[1]); part += 1) {
    const bulk = /^\$(\d+)\r\n/.exec(received.slice(at, at + 20));
    if (bulk === null) return undefined;
    const from = at + bulk[0].length;
    at = from + Number(bulk[1]) + 2;
    if (at > received.length) return undefined;
    if (part === 0) name = received.slice(from, at - 2).toUpperCase();
  }
  return { name, length: at };
}
