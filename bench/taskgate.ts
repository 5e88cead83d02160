// The server that is measured: the product's own composition, with its stores from the environment.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { openStores } from '../src/cli/open-stores.ts';
import { loadConfig } from '../src/config/load-config.ts';
import type { Sql } from '../src/parents/sql.ts';
import { startServer } from '../src/server.ts';
import type { TaskgateAnswers } from './support/taskgate.ts';

const { BENCH_SPICEDB = '', BENCH_CONFIG, ...env } = process.env;
const loaded = loadConfig(
  {
    env: {
      ...env,
      TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
      TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
      TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
      TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
      TASKGATE_SPICEDB_TOKEN: 'unused',
      ...(BENCH_CONFIG === undefined ? {} : { TASKGATE_CONFIG: 'yaml' }),
    },
    readFile: (path) => (path === 'yaml' ? (BENCH_CONFIG ?? '') : readFileSync(path, 'utf8')),
  },
  { mode: 'serve' },
);
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
const { config } = loaded;
const logger = pino({ level: 'warn' }, pino.destination(2));
const stores = openStores(config, { logger });
let queries = 0;
const sql: Sql = {
  ...stores.sql,
  async query(...args) {
    queries += 1;
    return stores.sql.query(...args);
  },
};
const server = await startServer(config, { ...stores, sql, spiceDb: JSON.parse(BENCH_SPICEDB) }, { logger });
process.stdout.write(`${JSON.stringify(server.addresses)}\n`);

// Its figures include the resolution: a millisecond too much, which is on the safe side.
const eventLoop = monitorEventLoopDelay({ resolution: 1 });
const answers: { readonly [Question in keyof TaskgateAnswers]: () => TaskgateAnswers[Question] } = {
  queries: () => queries,
  watchEventLoop() {
    eventLoop.enable();
    eventLoop.reset();
    return null;
  },
  eventLoopP99Ms: () => eventLoop.percentile(99) / 1e6,
};
process.on('message', (question: keyof TaskgateAnswers) => process.send?.(answers[question]()));
process.once('SIGTERM', () => process.exit(0));
