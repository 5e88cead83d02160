import type { RelationshipWriter } from '../../src/authorize/ports-lifecycle.ts';
import { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { startSpiceDbServer } from '../support/spicedb-server.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import type { WatchProxy } from '../support/watch-proxy.ts';
import { startWatchProxy } from '../support/watch-proxy.ts';
import type { Sidecar } from './sidecar.ts';
import { startSidecar } from './sidecar.ts';

/** Two sidecars on one SpiceDB, one Redis and one database. */
export interface World extends AsyncDisposable {
  readonly sidecars: readonly [Sidecar, Sidecar];
  /** SpiceDB, past both of them. */
  readonly writer: RelationshipWriter;
  /** Between both sidecars and SpiceDB. */
  readonly proxy: WatchProxy;
}

export const taskOfRound = (round: number): string => `fresh-task-${round}`;
/** Hangs off the round's task. */
export const messageOfRound = (round: number): string => `fresh-message-${round}`;

export interface WorldOptions {
  readonly rounds: number;
  /** Of SpiceDB. */
  readonly watchHeartbeatMs: number;
}

export async function startWorld(spiceDbBinary: string, { rounds, watchHeartbeatMs }: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres());
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [loadSampleTables(), loadSampleRows()]));
  await execute(
    database.url,
    `INSERT INTO messages (id, task_id)
       SELECT 'fresh-message-' || n, 'fresh-task-' || n FROM generate_series(0, ${rounds - 1}) n`,
  );
  const spiceDb = opened.use(
    await startSpiceDbServer(spiceDbBinary, {
      postgresUrl: postgres.url,
      watchHeartbeatMs,
      relationships: SAMPLE_RELATIONSHIPS,
    }),
  );
  const proxy = opened.use(await startWatchProxy(spiceDb.options.endpoint));
  const stores = {
    spiceDb: { endpoint: proxy.address, token: spiceDb.options.token },
    databaseUrl: database.url,
    redisUrl: redis.url,
  };
  const a = opened.use(await startSidecar('a', stores));
  const b = opened.use(await startSidecar('b', stores));
  const direct = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb: spiceDb.options });
  opened.defer(() => direct.close());
  const kept = opened.move();
  return { sidecars: [a, b], writer: direct.writer, proxy, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}
