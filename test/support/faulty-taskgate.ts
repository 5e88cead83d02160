import { inject } from 'vitest';
import type { FaultProxy } from './fault-proxy.ts';
import { startFaultProxy, toProxyTarget } from './fault-proxy.ts';
import { exchangeHttp1 } from './raw-exchange.ts';
import type { StoreAddresses, TestTaskgate } from './taskgate.ts';
import { startWithStores } from './taskgate.ts';
import type { TestClient } from './transports.ts';
import { createGrpcClient } from './transports.ts';

export type StoreName = 'spicedb' | 'database' | 'redis';

/** What taskgate authenticates to its stores with: no answer and no log line may hold them. */
export const CANARIES = { spicedb: 'canary-spicedb-token', database: 'canary-database-password' } as const;

export interface FaultyTaskgate extends AsyncDisposable {
  readonly gate: TestTaskgate;
  readonly client: TestClient;
  readonly stores: Readonly<Record<StoreName, FaultProxy>>;
  /** What `/readyz` says. */
  readiness(): Promise<{ readonly status: number; readonly dependencies: Readonly<Record<string, string>> }>;
}

/** Short enough for a test, and nested as the configuration demands. */
const BUDGETS = `
database: { timeout_ms: 250, connect_timeout_ms: 200 }
spicedb: { timeout_ms: 400 }
limits: { default_timeout_ms: 800 }
`;

/** A taskgate that reaches each of its stores through a proxy that can fail. */
export async function startFaultyTaskgate(
  stores: StoreAddresses,
  options: { readonly down?: StoreName; readonly mode?: 'refuse' | 'hang'; readonly yaml?: string } = {},
): Promise<FaultyTaskgate> {
  await using opened = new AsyncDisposableStack();
  const database = new URL(stores.databaseUrl);
  const redis = new URL(inject('redisUrl'));
  const proxies = {
    spicedb: opened.use(await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint))),
    database: opened.use(await startFaultProxy({ host: database.hostname, port: Number(database.port) })),
    redis: opened.use(await startFaultProxy({ host: redis.hostname, port: Number(redis.port) })),
  };
  if (options.down !== undefined) await proxies[options.down].setMode(options.mode ?? 'refuse');
  database.host = proxies.database.address;
  database.password = CANARIES.database;
  redis.host = proxies.redis.address;
  const gate = opened.use(
    await startWithStores(
      {
        spiceDb: { endpoint: proxies.spicedb.address, token: CANARIES.spicedb, timeoutMs: 400 },
        databaseUrl: database.href,
        redisUrl: redis.href,
      },
      { yaml: `${BUDGETS}${options.yaml ?? ''}` },
    ),
  );
  const client = opened.use(createGrpcClient('gRPC', gate.addresses.grpc));
  const kept = opened.move();
  return {
    gate,
    client,
    stores: proxies,
    async readiness() {
      const { status, body } = await exchangeHttp1(`http://${gate.addresses.admin}/readyz`, { method: 'GET' });
      return { status, dependencies: (JSON.parse(body) as { dependencies: Record<string, string> }).dependencies };
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
