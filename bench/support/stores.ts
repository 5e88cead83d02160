import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallContext } from '../../src/authorize/ports.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { findOnPath } from '../../test/support/find-on-path.ts';
import { freePort } from '../../test/support/free-port.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { startRedis } from '../../test/support/redis.ts';
import { createTestDatabase, execute } from '../../test/support/test-database.ts';
import { messageOfTask, taskId } from './tasks.ts';

const LOAD_CORE = '1';
const START_TIMEOUT_MS = 20_000;
const CALL_TIMEOUT_MS = 10_000;
const TOKEN = 'bench';
const LOCAL_SPICEDB = fileURLToPath(new URL('../../.cache/bin/spicedb', import.meta.url));
const SCHEMA = readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');

/** The stores of a run, with the sample data and as many messages of `task-1` as the memory row asks about. */
export interface BenchStores extends AsyncDisposable {
  /** For a taskgate that uses them. */
  readonly env: Readonly<Record<string, string>>;
  readonly description: string;
  readonly spiceDb: SpiceDbOptions;
  /** Lets Postgres see what was seeded, as its autovacuum would within minutes: until then its plans are a matter of luck. */
  analyze(): Promise<void>;
}

export const BENCH_MESSAGES = 100_000;

/** Real SpiceDB if there is one, else the embedded engine; either way outside the process that is measured. */
export async function startBenchStores(): Promise<BenchStores> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres());
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [loadSampleTables(), loadSampleRows()]));
  await execute(
    database.url,
    `INSERT INTO messages (id, task_id) SELECT 'bench-' || n, 'task-1' FROM generate_series(1, ${BENCH_MESSAGES}) n;
     INSERT INTO messages (id, task_id)
       SELECT '${messageOfTask('')}' || n, '${taskId('')}' || n FROM generate_series(0, ${BENCH_MESSAGES - 1}) n`,
  );
  const binary = findOnPath('spicedb') ?? (existsSync(LOCAL_SPICEDB) ? LOCAL_SPICEDB : undefined);
  const started =
    binary === undefined ? { options: await startEmbedded(opened) } : await startServer(binary, postgres.url, opened);
  const { options: spiceDb } = started;
  const analyzed = [database.url, ...('datastoreUrl' in started ? [started.datastoreUrl] : [])];
  const kept = opened.move();
  return {
    spiceDb,
    env: {
      TASKGATE_DATABASE_URL: database.url,
      TASKGATE_REDIS_URL: redis.url,
      TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the benchmarks only!',
      BENCH_SPICEDB: JSON.stringify(spiceDb),
    },
    description: `SpiceDB: ${binary === undefined ? 'embedded engine' : 'real server'}; real Postgres and Redis.`,
    async analyze() {
      for (const url of analyzed) await execute(url, 'ANALYZE');
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

async function startEmbedded(opened: AsyncDisposableStack): Promise<SpiceDbOptions> {
  const engine = opened.use(await startEmbeddedSpiceDb({ schema: SCHEMA }));
  const options = { endpoint: engine.endpoint, timeoutMs: 10_000 };
  await seed(options);
  return options;
}

async function startServer(
  binary: string,
  postgresUrl: string,
  opened: AsyncDisposableStack,
): Promise<{ readonly options: SpiceDbOptions; readonly datastoreUrl: string }> {
  // The in-memory datastore has no indexes: with 100,000 tasks it would be what is measured.
  const datastore = opened.use(await createTestDatabase(postgresUrl));
  const stored = ['--datastore-engine', 'postgres', '--datastore-conn-uri', datastore.url];
  await promisify(execFile)(binary, [
    'datastore',
    'migrate',
    'head',
    ...stored,
    '--log-level',
    'error',
    '--skip-release-check',
  ]);
  const endpoint = `127.0.0.1:${await freePort()}`;
  const off = ['--http-enabled=false', '--metrics-enabled=false', '--telemetry-endpoint=', '--skip-release-check'];
  const server = spawn(
    'taskset',
    [
      '-c',
      LOAD_CORE,
      binary,
      'serve',
      '--grpc-addr',
      endpoint,
      '--grpc-preshared-key',
      TOKEN,
      ...stored,
      '--log-level',
      'error',
      ...off,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = once(server, 'exit');
  opened.defer(async () => {
    server.kill('SIGTERM');
    await exited;
  });
  const options = { endpoint, token: TOKEN, timeoutMs: 10_000 };
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await seed(options);
      return { options, datastoreUrl: datastore.url };
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(100);
    }
  }
}

async function seed(spiceDb: SpiceDbOptions): Promise<void> {
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb });
  const context: CallContext = { signal: new AbortController().signal, deadlineAtMs: Date.now() + CALL_TIMEOUT_MS };
  try {
    await chain.client.call(WRITE_SCHEMA, { schema: SCHEMA }, context, { idempotent: true });
    await chain.writer.touch(SAMPLE_RELATIONSHIPS, context);
  } finally {
    chain.close();
  }
}
