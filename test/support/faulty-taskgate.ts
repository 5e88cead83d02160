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

const SPICEDB_TIMEOUT_MS = 400;
/** Short enough for a test, and nested as the configuration demands. */
const BUDGETS = `
database: { timeout_ms: 250, connect_timeout_ms: 200 }
spicedb: { timeout_ms: ${SPICEDB_TIMEOUT_MS} }
limits: { default_timeout_ms: 800 }
`;

export interface FaultyTaskgateOptions {
  /** The store that is down when it starts, and how. Default: none, `refuse`. */
  readonly down?: StoreName;
  readonly mode?: 'refuse' | 'hang';
  /** YAML beside the budgets. */
  readonly yaml?: string;
  /** YAML in place of the budgets, and what one call to SpiceDB may take then, in milliseconds. */
  readonly budgets?: { readonly yaml: string; readonly spiceDbTimeoutMs: number };
  /** See `TestTaskgateOptions`. */
  readonly watchSilenceMs?: number;
}

/** A taskgate that reaches each of its stores through a proxy that can fail. */
export async function startFaultyTaskgate(
  stores: StoreAddresses,
  options: FaultyTaskgateOptions = {},
): Promise<FaultyTaskgate> {
  await using opened = new AsyncDisposableStack();
  const database = new URL(stores.databaseUrl);
  const redis = new URL(inject('redisUrl'));
  const proxies = {
    spicedb: opened.use(await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint))),
    database: opened.use(await startFaultProxy({ host: database.hostname, port: Number(database.port) })),
    redis: opened.use(await startFaultProxy({ host: redis.hostname, port: Number(redis.port) })),
  };
  const { budgets = { yaml: BUDGETS, spiceDbTimeoutMs: SPICEDB_TIMEOUT_MS } } = options;
  if (options.down !== undefined) await proxies[options.down].setMode(options.mode ?? 'refuse');
  database.host = proxies.database.address;
  database.password = CANARIES.database;
  redis.host = proxies.redis.address;
  const gate = opened.use(
    await startWithStores(
      {
        spiceDb: { endpoint: proxies.spicedb.address, token: CANARIES.spicedb, timeoutMs: budgets.spiceDbTimeoutMs },
        databaseUrl: database.href,
        redisUrl: redis.href,
      },
      {
        yaml: `${budgets.yaml}${options.yaml ?? ''}`,
        ...(options.watchSilenceMs === undefined ? {} : { watchSilenceMs: options.watchSilenceMs }),
      },
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
