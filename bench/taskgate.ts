// The server that is measured: the product's own composition, with its stores from the environment.
import { pino } from 'pino';
import { loadConfig } from '../src/config/load-config.ts';
import { createPostgresSql } from '../src/parents/postgres-sql.ts';
import { createRedisClient } from '../src/parents/redis-client.ts';
import { startServer } from '../src/server.ts';

const { BENCH_SPICEDB = '', ...env } = process.env;
const loaded = loadConfig(
  {
    env: {
      ...env,
      TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
      TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
      TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
      TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
      TASKGATE_SPICEDB_TOKEN: 'unused',
    },
    readFile: () => '',
  },
  { mode: 'serve' },
);
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
// The in-memory datastore of the benchmarks speaks of changes only.
const config = { ...loaded.config, spicedb: { ...loaded.config.spicedb, watchSilenceMs: 0 } };
const { database, redis } = config;
if (redis === undefined) throw new Error('no Redis');
const server = await startServer(
  config,
  {
    spiceDb: JSON.parse(BENCH_SPICEDB),
    sql: createPostgresSql({ ...database, statementTimeoutMs: database.timeoutMs, onError: () => undefined }),
    redis: createRedisClient(redis, () => undefined),
  },
  { logger: pino({ level: 'warn' }, pino.destination(2)) },
);
process.stdout.write(`${JSON.stringify(server.addresses)}\n`);
process.once('SIGTERM', () => process.exit(0));
