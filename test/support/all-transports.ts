import { afterAll, beforeAll } from 'vitest';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { SYSTEM_CLOCK } from './spicedb.ts';
import type { SampleStores, SampleStoresOptions, TestTaskgate } from './taskgate.ts';
import { startSampleStores, startWithStores } from './taskgate.ts';
import type { TestClient } from './transports.ts';
import { createAllClients } from './transports.ts';

export interface AllTransports {
  readonly stores: SampleStores;
  /** Past taskgate, to the relationships that it uses. */
  readonly chain: RelationshipChain;
  /** The one on TCP, and the one on a socket: replicas over the same stores. */
  readonly gates: readonly [TestTaskgate, TestTaskgate];
  /** By `TRANSPORT_NAMES`. */
  client(transport: string): TestClient;
}

/** Two taskgates over the same sample stores, and a client for each transport, for all tests of a file. */
export function useAllTransports(options: SampleStoresOptions & { readonly yaml?: string } = {}): () => AllTransports {
  let started: (AllTransports & AsyncDisposable) | undefined;
  beforeAll(async () => {
    started = await start(options);
  });
  afterAll(async () => started?.[Symbol.asyncDispose]());
  return () => {
    if (started === undefined) throw new Error('taskgate is not started yet');
    return started;
  };
}

async function start({
  yaml,
  ...options
}: SampleStoresOptions & { readonly yaml?: string }): Promise<AllTransports & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startSampleStores(options));
  const configured = yaml === undefined ? {} : { yaml };
  const tcp = opened.use(await startWithStores(stores, configured));
  const socket = opened.use(await startWithStores(stores, { ...configured, grpc: 'socket' }));
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
  opened.defer(() => chain.close());
  const all = createAllClients({
    grpc: tcp.addresses.grpc,
    http: tcp.addresses.http,
    socket: socket.addresses.grpc,
  });
  const clients = new Map(all.map((client) => [client.name, opened.use(client)]));
  const kept = opened.move();
  return {
    stores,
    chain,
    gates: [tcp, socket],
    client(transport) {
      const client = clients.get(transport);
      if (client === undefined) throw new Error(`no client for ${transport}`);
      return client;
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
