// The server that is measured: the product's own composition, with its stores from the environment.
import { pino } from 'pino';
import { openStores } from '../src/cli/open-stores.ts';
import { loadConfig } from '../src/config/load-config.ts';
import { startServer } from '../src/server.ts';

const { BENCH_SPICEDB = '', BENCH_NO_DECISION_CACHE, ...env } = process.env;
/** Lists are measured cold, and may take longer than a check. */
const COLD = '{decisions: {cache: false}, limits: {default_timeout_ms: 9000}, spicedb: {timeout_ms: 8000}}';
const loaded = loadConfig(
  {
    env: {
      ...env,
      TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
      TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
      TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
      TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
      TASKGATE_SPICEDB_TOKEN: 'unused',
      ...(BENCH_NO_DECISION_CACHE === undefined ? {} : { TASKGATE_CONFIG: 'cold' }),
    },
    readFile: () => COLD,
  },
  { mode: 'serve' },
);
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
const { config } = loaded;
const logger = pino({ level: 'warn' }, pino.destination(2));
const stores = openStores(config, { logger });
const server = await startServer(config, { ...stores, spiceDb: JSON.parse(BENCH_SPICEDB) }, { logger });
process.stdout.write(`${JSON.stringify(server.addresses)}\n`);
process.once('SIGTERM', () => process.exit(0));
