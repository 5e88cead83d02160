import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LOAD_CORE } from '../../bench/support/cores.ts';
import { startPinned } from '../../bench/support/processes.ts';
import { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import type { ServerAddresses } from '../../src/server.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { startSpiceDbServer } from '../support/spicedb-server.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { Databases } from './resources.ts';

const READY_TIMEOUT_MS = 30_000;
/** Longer than the floor lasts that the start of Watch puts under every check. */
const QUIET_MS = 12_000;

/** One taskgate on a core of its own, and its stores on the other. */
export interface World extends AsyncDisposable {
  readonly addresses: ServerAddresses;
  readonly databases: Databases;
  /** Resolves when nothing of the start is left in what a check does. */
  becomesQuiet(): Promise<void>;
}

export async function startWorld(spiceDbBinary: string): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres());
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [loadSampleTables(), loadSampleRows()]));
  const spiceDb = opened.use(
    await startSpiceDbServer(spiceDbBinary, {
      postgresUrl: postgres.url,
      core: LOAD_CORE,
      watchHeartbeatMs: 250,
      relationships: SAMPLE_RELATIONSHIPS,
    }),
  );
  const script = fileURLToPath(new URL('taskgate.ts', import.meta.url));
  const loopback = '127.0.0.1:0';
  const taskgate = opened.use(
    await startPinned<ServerAddresses>(script, {
      env: {
        TASKGATE_CONFIG: 'inline',
        TASKGATE_GRPC_ADDRESS: loopback,
        TASKGATE_HTTP_ADDRESS: loopback,
        TASKGATE_ADMIN_ADDRESS: loopback,
        TASKGATE_SPICEDB_ENDPOINT: spiceDb.options.endpoint,
        TASKGATE_SPICEDB_TOKEN: spiceDb.options.token,
        TASKGATE_DATABASE_URL: database.url,
        TASKGATE_REDIS_URL: redis.url,
        TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the timing test only',
      },
    }),
  );
  const startedAtMs = performance.now();
  const { admin } = taskgate.ready;
  await waitUntil(async () => ((await fetch(`http://${admin}/readyz`)).ok ? true : undefined), {
    what: 'ready',
    timeoutMs: READY_TIMEOUT_MS,
  });
  const kept = opened.move();
  return {
    addresses: taskgate.ready,
    databases: { applicationUrl: database.url, datastoreUrl: spiceDb.datastoreUrl },
    async becomesQuiet() {
      await delay(Math.max(0, startedAtMs + QUIET_MS - performance.now()));
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
