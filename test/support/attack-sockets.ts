import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** What an attack does until it is disposed of. */
export interface RunningAttack extends AsyncDisposable {
  /** How often it has done what it does: connections, requests or resets. */
  readonly count: number;
}

export interface SocketScript {
  /** `host:port`. */
  readonly target: string;
  readonly connections: number;
  /** Milliseconds until one that has ended is opened again. Default 50. */
  readonly reconnectMs?: number;
  /** Called with each connection that is open. A timer that it returns ends with the connection. */
  readonly onOpen: (socket: Socket, done: () => void) => NodeJS.Timeout | undefined;
}

const DEFAULT_RECONNECT_MS = 50;

/** Holds so many connections; one that the server ends is opened again, as long as the attack runs. */
export function holdSockets({
  target,
  connections,
  reconnectMs = DEFAULT_RECONNECT_MS,
  onOpen,
}: SocketScript): RunningAttack {
  const { hostname, port } = new URL(`http://${target}`);
  const sockets = new Set<Socket>();
  const reconnects = new Set<NodeJS.Timeout>();
  let isOver = false;
  let count = 0;
  const open = (): void => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let timer: NodeJS.Timeout | undefined;
    sockets.add(socket);
    socket.on('connect', () => {
      timer = onOpen(socket, () => {
        count += 1;
      });
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
      if (isOver) return;
      const reconnect = setTimeout(() => {
        reconnects.delete(reconnect);
        open();
      }, reconnectMs);
      reconnects.add(reconnect);
    });
  };
  for (let index = 0; index < connections; index += 1) open();
  return {
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const reconnect of reconnects) clearTimeout(reconnect);
      await Promise.all(
        Array.from(sockets, async (socket) => {
          const closed = new Promise((resolve) => socket.once('close', resolve));
          socket.destroy();
          await closed;
        }),
      );
    },
  };
}
