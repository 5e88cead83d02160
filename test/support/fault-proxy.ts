import { once } from 'node:events';
import type { Socket, TcpNetConnectOpts, IpcNetConnectOpts } from 'node:net';
import { connect, createServer } from 'node:net';
import { freePort } from './free-port.ts';

/**
 * How the proxy treats the store behind it.
 * - `ok`: passes bytes both ways.
 * - `refuse`: nothing listens, and what was connected is cut.
 * - `hang`: takes connections and bytes and passes nothing on; `ok` delivers what was held, as a network that heals does.
 * - `reset`: answers every connection, old and new, with a TCP reset.
 */
export type FaultMode = 'ok' | 'refuse' | 'hang' | 'reset';

export interface FaultProxy extends AsyncDisposable {
  /** `host:port`, the same in every mode. */
  readonly address: string;
  /** Connections that clients have open. */
  readonly connections: number;
  /** Resolves when the mode is in force, for the connections that are open too. */
  setMode(mode: FaultMode): Promise<void>;
}

const HOST = '127.0.0.1';

/** A TCP proxy in front of a store, for making it fail while its clients are connected. */
export async function startFaultProxy(target: TcpNetConnectOpts | IpcNetConnectOpts): Promise<FaultProxy> {
  const port = await freePort();
  const links = new Set<Link>();
  let mode: FaultMode = 'ok';

  const server = createServer((client) => {
    if (mode === 'reset') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link = createLink(client, target, { isHeld: mode === 'hang' });
    links.add(link);
    client.once('close', () => links.delete(link));
  });
  const listen = async (): Promise<void> => {
    if (server.listening) return;
    server.listen(port, HOST);
    await once(server, 'listening');
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const link of links) link.cut();
    await once(server, 'close');
  };
  await listen();
  return {
    address: `${HOST}:${port}`,
    get connections() {
      return links.size;
    },
    async setMode(next) {
      mode = next;
      if (next === 'refuse') return stop();
      if (next === 'reset') for (const link of links) link.reset();
      else for (const link of links) link.setHeld(next === 'hang');
      return listen();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Where a store is, from how SpiceDB's clients write it: `host:port` or `unix:/path`. */
export function toProxyTarget(endpoint: string): TcpNetConnectOpts | IpcNetConnectOpts {
  if (endpoint.startsWith('unix:')) return { path: endpoint.slice('unix:'.length) };
  const { hostname, port } = new URL(`tcp://${endpoint}`);
  return { host: hostname, port: Number(port) };
}

/** One client's connection and the one to the store that belongs to it. */
interface Link {
  setHeld(isHeld: boolean): void;
  reset(): void;
  cut(): void;
}

function createLink(client: Socket, target: TcpNetConnectOpts | IpcNetConnectOpts, start: { isHeld: boolean }): Link {
  const store = connect(target);
  let { isHeld } = start;
  const pairs = [
    [client, store],
    [store, client],
  ] as const;
  for (const [from, to] of pairs) {
    if (isHeld) from.pause();
    from.on('data', (chunk: Buffer) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!isHeld) from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
  const cut = (): void => {
    client.destroy();
    store.destroy();
  };
  return {
    cut,
    setHeld(next) {
      isHeld = next;
      for (const [from] of pairs) {
        if (next) from.pause();
        else from.resume();
      }
    },
    reset() {
      client.resetAndDestroy();
      store.destroy();
    },
  };
}
