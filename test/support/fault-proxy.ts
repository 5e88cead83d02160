import { once } from 'node:events';
import { createServer } from 'node:net';
import type { FaultLink, LinkMode, ProxyTarget } from './fault-link.ts';
import { createFaultLink } from './fault-link.ts';
import { freePort } from './free-port.ts';

/**
 * How the proxy treats the store behind it.
 * - `ok`: passes bytes both ways.
 * - `refuse`: nothing listens, and what was connected is cut.
 * - `hang`: takes connections and bytes and passes nothing on; `ok` delivers what was held, as a network that heals does.
 * - `reset`: answers every connection, old and new, with a TCP reset.
 * - `slow`, `cut`, `garbage`: see `LinkMode`.
 */
export type FaultMode = LinkMode | 'refuse' | 'reset';

export interface FaultProxy extends AsyncDisposable {
  /** `host:port`, the same in every mode. */
  readonly address: string;
  /** Connections that clients have open. */
  readonly connections: number;
  /** Connections that clients have opened so far. */
  readonly accepted: number;
  /** Resolves when the mode is in force, for the connections that are open too. */
  setMode(mode: FaultMode): Promise<void>;
  /** Cuts what is connected; from now on connections go to an impostor, or to the store again if there is none. */
  divertTo(impostor: ProxyTarget | undefined): void;
}

const HOST = '127.0.0.1';

/** A TCP proxy in front of a store, for making it fail while its clients are connected. */
export async function startFaultProxy(store: ProxyTarget): Promise<FaultProxy> {
  const port = await freePort();
  const links = new Set<FaultLink>();
  let mode: FaultMode = 'ok';
  let target = store;
  let accepted = 0;

  const server = createServer((client) => {
    accepted += 1;
    if (mode === 'reset') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link = createFaultLink(client, target, { mode: mode === 'refuse' ? 'ok' : mode, isNew: true });
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
    get accepted() {
      return accepted;
    },
    async setMode(next) {
      mode = next;
      if (next === 'refuse') return stop();
      if (next === 'reset') for (const link of links) link.reset();
      else for (const link of links) link.setMode(next);
      return listen();
    },
    divertTo(impostor) {
      target = impostor ?? store;
      for (const link of links) link.cut();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Where a store is, from how SpiceDB's clients write it: `host:port` or `unix:/path`. */
export function toProxyTarget(endpoint: string): ProxyTarget {
  if (endpoint.startsWith('unix:')) return { path: endpoint.slice('unix:'.length) };
  const { hostname, port } = new URL(`tcp://${endpoint}`);
  return { host: hostname, port: Number(port) };
}
