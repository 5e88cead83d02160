import { Redis } from 'ioredis';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { startRedis } from '../../test/support/redis.ts';
import { DEPLOYED_SCHEMA, findSpiceDb, seedSpiceDb, startSpiceDbServer } from '../../test/support/spicedb-server.ts';
import { createTestDatabase, execute } from '../../test/support/test-database.ts';
import { LOAD_CORE } from './cores.ts';
import { messageOfTask, taskId } from './tasks.ts';

/** The stores of a run, with the sample data and as many messages of `task-1` as the memory row asks about. */
export interface BenchStores extends AsyncDisposable {
  /** For a taskgate that uses them. */
  readonly env: Readonly<Record<string, string>>;
  readonly spiceDb: SpiceDbOptions;
  /** Of the application's database, and of a superuser at its server. */
  readonly databaseUrl: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  /** The SpiceDB server's program and the database that it keeps its relationships in; undefined with the embedded engine. */
  readonly server: { readonly binary: string; readonly datastoreUrl: string } | undefined;
  /** Lets Postgres see what was seeded, as its autovacuum would within minutes: until then its plans are a matter of luck. */
  analyze(): Promise<void>;
  /** Empties Redis: what another section has asked about is cold again. */
  flushRedis(): Promise<void>;
}

export const BENCH_MESSAGES = 100_000;

/** Real SpiceDB if there is one, else the embedded engine; either way outside the process that is measured. */
export async function startBenchStores(): Promise<BenchStores> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres({ durable: true }));
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [loadSampleTables(), loadSampleRows()]));
  await execute(
    database.url,
    `INSERT INTO messages (id, task_id) SELECT 'bench-' || n, 'task-1' FROM generate_series(1, ${BENCH_MESSAGES}) n;
     INSERT INTO messages (id, task_id)
       SELECT '${messageOfTask('')}' || kind || n, '${taskId('')}' || kind || n
         FROM generate_series(0, ${BENCH_MESSAGES - 1}) n, (VALUES (''), ('memory-')) kinds(kind)`,
  );
  const { options: spiceDb, server } = await startSpiceDb(postgres.url, opened);
  const analyzed = [database.url, ...(server === undefined ? [] : [server.datastoreUrl])];
  const kept = opened.move();
  return {
    spiceDb,
    env: {
      TASKGATE_DATABASE_URL: database.url,
      TASKGATE_REDIS_URL: redis.url,
      TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the benchmarks only!',
      BENCH_SPICEDB: JSON.stringify(spiceDb),
    },
    databaseUrl: database.url,
    postgresUrl: postgres.url,
    redisUrl: redis.url,
    server,
    async analyze() {
      for (const url of analyzed) await execute(url, 'ANALYZE');
    },
    async flushRedis() {
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

async function startSpiceDb(
  postgresUrl: string,
  opened: AsyncDisposableStack,
): Promise<Pick<BenchStores, 'server'> & { readonly options: SpiceDbOptions }> {
  const binary = findSpiceDb();
  if (binary !== undefined) {
    const started = await startSpiceDbServer(binary, {
      postgresUrl,
      core: LOAD_CORE,
      relationships: SAMPLE_RELATIONSHIPS,
    });
    const { options, datastoreUrl } = opened.use(started);
    return { options, server: { binary, datastoreUrl } };
  }
  const engine = opened.use(await startEmbeddedSpiceDb({ schema: DEPLOYED_SCHEMA }));
  const options = { endpoint: engine.endpoint, timeoutMs: 10_000 };
  await seedSpiceDb(options, SAMPLE_RELATIONSHIPS);
  return { options, server: undefined };
}
