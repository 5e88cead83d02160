import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { loadSampleTables, SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { startPostgres } from '../support/postgres.ts';
import { RECONCILE_YAML } from '../support/reconcile-yaml.ts';
import { startRedis } from '../support/redis.ts';
import { startSpiceDbServer } from '../support/spicedb-server.ts';
import { createTestDatabase } from '../support/test-database.ts';
import type { History } from './history.ts';
import { openHistory } from './history.ts';
import type { Mutant } from './mutants.ts';
import { ABSENT_TTL_MS } from './oracle.ts';
import { AGENT_OWNERS, agentOf } from './people.ts';
import type { ReplicaSetting } from './replica.ts';

/** The real stores of a run, past every proxy. */
export interface ChaosStores extends AsyncDisposable {
  readonly setting: ReplicaSetting;
  /** Of the application's own database. */
  readonly pool: Pool;
  readonly history: History;
  /** For files of the run; goes with it. */
  readonly directory: string;
}

/** An idle Watch looks for changes only so often; see ARCHITECTURE.md. */
const WATCH_HEARTBEAT_MS = 250;

/**
 * Little memory, so that Redis is asked again and again; absences that end soon, so that little is forgiven for them; and
 * budgets that are short enough for hundreds of faults.
 */
const CONFIG = `${RECONCILE_YAML}
log: { level: error }
shutdown: { drain_delay_ms: 50, grace_ms: 1500 }
parents: { memory_max_entries: 32, absent_ttl_ms: ${ABSENT_TTL_MS}, name_ttl_ms: ${ABSENT_TTL_MS} }
redis: { timeout_ms: 25 }
database: { timeout_ms: 250, connect_timeout_ms: 200 }
spicedb: { timeout_ms: 500 }
limits: { default_timeout_ms: 900 }
`;

/** @throws Error if one can't be started. */
export async function startChaosStores(spiceDbBinary: string, mutant: Mutant | undefined): Promise<ChaosStores> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-chaos-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const configFile = join(directory, 'taskgate.yaml');
  await writeFile(configFile, CONFIG);
  const postgres = opened.use(await startPostgres());
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [loadSampleTables()]));
  const spiceDb = opened.use(
    await startSpiceDbServer(spiceDbBinary, {
      postgresUrl: postgres.url,
      watchHeartbeatMs: WATCH_HEARTBEAT_MS,
      // The tenant gates of both accounts.
      relationships: SAMPLE_RELATIONSHIPS.filter(({ object }) => object.kind === 'tenant'),
    }),
  );
  const pool = new Pool({ connectionString: database.url, max: 8 });
  // Nobody waits for an idle connection that ends with the server.
  pool.on('error', () => undefined);
  opened.defer(async () => pool.end());
  for (const { account, user } of AGENT_OWNERS) {
    const values = [agentOf(account), account, user];
    await pool.query('INSERT INTO agents (id, name, account_id, created_by) VALUES ($1, $1, $2, $3)', values);
  }
  const history = opened.use(await openHistory(spiceDb.datastoreUrl));
  const { endpoint, token } = spiceDb.options;
  const kept = opened.move();
  return {
    setting: {
      spiceDb: { endpoint, token },
      databaseUrl: database.url,
      redisUrl: redis.url,
      signingSecret: 'a secret of the chaos test alone, 32 or more',
      configFile,
      mutant,
    },
    pool,
    history,
    directory,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
