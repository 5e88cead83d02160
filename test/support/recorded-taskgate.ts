import { randomUUID } from 'node:crypto';
import { v1 } from '@authzed/authzed-node';
import { openStores } from '../../src/cli/open-stores.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { RedisClient } from '../../src/parents/redis-client.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { CHECK_BULK_PERMISSIONS, CHECK_PERMISSION } from '../../src/relationships/spicedb-methods.ts';
import type { RunningServer } from '../../src/server.ts';
import { startServer } from '../../src/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { SampleStores } from './taskgate.ts';
import { startWatchProxy } from './watch-proxy.ts';

export type DatabaseMode = 'ok' | 'down' | 'held';

/** A taskgate that tells what it asks of its stores on behalf of checks. */
export interface RecordedTaskgate extends AsyncDisposable {
  readonly addresses: RunningServer['addresses'];
  /** What has been asked since the last time, sorted: one line a call. */
  take(): readonly string[];
  /** What happens to lookups in the database from now on. What was held goes on when nothing is held any more. */
  setDatabase(mode: DatabaseMode): void;
}

export interface RecordedOptions {
  /** Of the Redis that it uses. */
  readonly redisUrl: string;
  /** YAML that is put under TASKGATE_CONFIG. */
  readonly yaml: string;
}

const REDIS_COMMANDS = ['getBuffer', 'mgetBuffer', 'set'] as const;

/** The product's own composition; its stores are real, and their calls are counted where they leave it. */
export async function startRecordedTaskgate(
  stores: SampleStores,
  { redisUrl, yaml }: RecordedOptions,
): Promise<RecordedTaskgate> {
  await using opened = new AsyncDisposableStack();
  let lines: string[] = [];
  let database: DatabaseMode = 'ok';
  let released = Promise.withResolvers<undefined>();
  const record = (line: string): void => void lines.push(line);
  const proxy = opened.use(
    await startWatchProxy(stores.spiceDb.endpoint, {
      onCall(path, body) {
        const line = describeCheck(path, body);
        if (line !== undefined) record(line);
      },
    }),
  );
  const loopback = '127.0.0.1:0';
  const env = {
    TASKGATE_CONFIG: 'yaml',
    TASKGATE_GRPC_ADDRESS: loopback,
    TASKGATE_HTTP_ADDRESS: loopback,
    TASKGATE_ADMIN_ADDRESS: loopback,
    TASKGATE_SPICEDB_ENDPOINT: proxy.address,
    TASKGATE_SPICEDB_TOKEN: 'unused',
    TASKGATE_DATABASE_URL: stores.databaseUrl,
    TASKGATE_REDIS_URL: redisUrl,
    TASKGATE_REDIS_SIGNING_SECRET: `a secret of the tests, ${randomUUID()}`,
  };
  const loaded = loadConfig({ env, readFile: () => yaml }, { mode: 'serve' });
  if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  const logger = createLogger({ level: 'warn', format: 'json' }, { write: () => undefined });
  const configured = opened.use(openStores(config, { logger }));
  const sql: Sql = {
    ...configured.sql,
    async query(text, values, bounds) {
      const [keys] = values;
      if (Array.isArray(keys) && /= ANY/.test(text)) record(`database: ${keys.length} key of ${tableOf(text)}`);
      if (database === 'down') throw new Error('the database is down');
      if (database === 'held') await released.promise;
      return configured.sql.query(text, values, bounds);
    },
  };
  if (configured.redis === undefined) throw new Error('no Redis');
  const recorded = { ...configured, sql, redis: recordRedis(configured.redis, record) };
  // The in-memory datastore speaks of changes only.
  const spicedb = { ...config.spicedb, watchSilenceMs: 0 };
  const quick = { ...config, spicedb, shutdown: { ...config.shutdown, drainDelayMs: 0 } };
  const spiceDb = { endpoint: proxy.address, timeoutMs: stores.spiceDb.timeoutMs };
  const server = await startServer(quick, { ...recorded, spiceDb }, { logger });
  opened.defer(async () => server.close());
  const kept = opened.move();
  return {
    addresses: server.addresses,
    take() {
      const taken = lines.toSorted();
      lines = [];
      return taken;
    },
    setDatabase(mode) {
      database = mode;
      if (mode === 'held') return;
      released.resolve(undefined);
      released = Promise.withResolvers();
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function recordRedis(redis: RedisClient, record: (line: string) => void): RedisClient {
  return new Proxy(redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const command = REDIS_COMMANDS.find((candidate) => candidate === name);
      return (...args: unknown[]): unknown => {
        if (command !== undefined) record(`redis: ${command} of ${Array.isArray(args[0]) ? args[0].length : 1}`);
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** Undefined for what is no check. */
function describeCheck(path: string, body: Buffer): string | undefined {
  const message = body.subarray(5);
  if (path === CHECK_PERMISSION.path) {
    const { consistency, permission, resource } = v1.CheckPermissionRequest.fromBinary(message);
    return `spicedb: check ${resource?.objectType}#${permission}, ${consistency?.requirement.oneofKind}`;
  }
  if (path === CHECK_BULK_PERMISSIONS.path) {
    const { consistency, items } = v1.CheckBulkPermissionsRequest.fromBinary(message);
    const asked = items.map(({ permission, resource }) => `${resource?.objectType}#${permission}`);
    return `spicedb: bulk of ${asked.toSorted().join(' ')}, ${consistency?.requirement.oneofKind}`;
  }
  return undefined;
}

function tableOf(text: string): string {
  return /FROM\s+(\S+)/i.exec(text)?.[1] ?? text;
}
