// The taskgate that is measured: the product's own composition, but that it takes longer over what is asked for certain
// users. They are seen where every decision comes past, in the log.
import { pino } from 'pino';
import { openStores } from '../../src/cli/open-stores.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { startServer } from '../../src/server.ts';
import { PLANTED_MICROSECONDS, SLOWED_USER } from './plant.ts';

const LEVEL_WARN = 40;

const loaded = loadConfig(
  { env: process.env, readFile: () => 'shutdown: { drain_delay_ms: 0, grace_ms: 0 }' },
  { mode: 'serve' },
);
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
const logger = pino(
  {
    level: 'debug',
    hooks: {
      logMethod(args, log, level) {
        if (isSlowed(args[0])) spin(PLANTED_MICROSECONDS);
        if (level >= LEVEL_WARN) log.apply(this, args);
      },
    },
  },
  pino.destination(2),
);
const stores = openStores(loaded.config, { logger });
const server = await startServer(loaded.config, stores, { logger });
process.stdout.write(`${JSON.stringify(server.addresses)}\n`);
process.once('SIGTERM', () => process.exit(0));
// Whoever started it is gone.
process.once('disconnect', () => process.exit(0));

function isSlowed(line: unknown): boolean {
  const { decision } = line as { readonly decision?: { readonly principal: { readonly id: string } } };
  return decision?.principal.id.startsWith(SLOWED_USER) === true;
}

function spin(microseconds: number): void {
  const until = performance.now() + microseconds / 1_000;
  while (performance.now() < until);
}
