import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, inject } from 'vitest';
import { openStores } from '../../src/cli/open-stores.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { RunningServer, Stores } from '../../src/server.ts';
import { startServer } from '../../src/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { Output } from '../../src/telemetry/output-sink.ts';
import { callContext, loadSchema, SYSTEM_CLOCK } from './spicedb.ts';
import { createTestDatabase } from './test-database.ts';

export interface TestTaskgateOptions {
  /** Default `tcp`. */
  readonly grpc?: 'tcp' | 'socket';
  /** YAML that is put under TASKGATE_CONFIG. */
  readonly yaml?: string;
  /** Puts something before the stores. */
  readonly decorate?: (stores: Stores) => Stores;
  /** What entries in Redis are signed with. Default: a secret of its own, so that no other can read them. */
  readonly signingSecret?: string;
  /** Milliseconds of silence after which Watch is doubted. Default 0: the in-memory datastore speaks of changes only. */
  readonly watchSilenceMs?: number;
}

export interface TestTaskgate extends AsyncDisposable {
  readonly addresses: RunningServer['addresses'];
  /** What it logged, as JSON lines. */
  readonly logged: readonly string[];
  /** The lines of its decision log, where that goes to `stdout`. */
  readonly decisions: readonly string[];
  close(): Promise<void>;
}

/** A taskgate with real stores that hold the sample data, for all tests of a file. */
export function useTaskgate(options: TestTaskgateOptions = {}): () => TestTaskgate {
  let gate: TestTaskgate | undefined;
  beforeAll(async () => {
    gate = await startTestTaskgate(options);
  });
  afterAll(async () => gate?.[Symbol.asyncDispose]());
  return () => {
    if (gate === undefined) throw new Error('taskgate is not started yet');
    return gate;
  };
}

export async function startTestTaskgate(options: TestTaskgateOptions = {}): Promise<TestTaskgate> {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startSampleStores());
  const gate = opened.use(await startWithStores(stores, options));
  const kept = opened.move();
  return { ...gate, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

export type SampleStores = StoreAddresses & AsyncDisposable;

export interface SampleStoresOptions {
  /** Default: the schema that taskgate deploys. */
  readonly schema?: string;
}

/** Stores that hold the sample data, for any number of taskgates. */
export async function startSampleStores({ schema = loadSchema() }: SampleStoresOptions = {}): Promise<SampleStores> {
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await startEmbeddedSpiceDb({ schema }));
  const spiceDb = { endpoint: engine.endpoint, timeoutMs: 1_000 };
  const seed = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb });
  opened.defer(() => seed.close());
  await seed.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
  const database = opened.use(await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]));
  const kept = opened.move();
  return { spiceDb, databaseUrl: database.url, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

/** Where a taskgate finds its stores. */
export interface StoreAddresses {
  readonly spiceDb: Stores['spiceDb'];
  readonly databaseUrl: string;
  /** Default: the Redis of the test run. */
  readonly redisUrl?: string;
}

export async function startWithStores(
  stores: StoreAddresses,
  options: TestTaskgateOptions = {},
): Promise<TestTaskgate> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-test-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const env = {
    TASKGATE_GRPC_ADDRESS: options.grpc === 'socket' ? `unix:${join(directory, 'grpc.sock')}` : '127.0.0.1:0',
    TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
    TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
    TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
    TASKGATE_SPICEDB_TOKEN: 'unused',
    TASKGATE_DATABASE_URL: stores.databaseUrl,
    TASKGATE_REDIS_URL: stores.redisUrl ?? inject('redisUrl'),
    TASKGATE_REDIS_SIGNING_SECRET: options.signingSecret ?? `a secret of the tests, ${randomUUID()}`,
    ...(options.yaml === undefined ? {} : { TASKGATE_CONFIG: 'yaml' }),
  };
  const loaded = loadConfig(
    { env, readFile: (path) => (path === 'yaml' ? (options.yaml ?? '') : readFileSync(path, 'utf8')) },
    { mode: 'serve' },
  );
  if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;

  const logged: string[] = [];
  const logger = createLogger({ level: 'debug', format: 'json' }, { write: (line: string) => void logged.push(line) });
  const decisions: string[] = [];
  const output: Output = {
    write(text, taken) {
      decisions.push(...text.trimEnd().split('\n'));
      taken();
    },
  };
  const configured = opened.use(openStores(config, { logger }));
  const spicedb = { ...config.spicedb, watchSilenceMs: options.watchSilenceMs ?? 0 };
  const quick = { ...config, spicedb, shutdown: { ...config.shutdown, drainDelayMs: 0 } };
  const { decorate = (undecorated: Stores) => undecorated } = options;
  const server = await startServer(quick, decorate({ ...configured, spiceDb: stores.spiceDb }), { logger, output });
  opened.defer(async () => server.close());
  const kept = opened.move();
  const close = async (): Promise<void> => kept.disposeAsync();
  return { addresses: server.addresses, logged, decisions, close, [Symbol.asyncDispose]: close };
}
