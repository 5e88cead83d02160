// The taskgate that is measured: the product's own composition, but that it takes longer over what is asked for certain
// users. That is written into the source of what every decision comes past, as it is loaded.
import { registerHooks } from 'node:module';
import { pino } from 'pino';
import { PLANTED_MICROSECONDS, SLOWED_USER } from './plant.ts';

const PLANTED_FILE = '/src/authorize/record-outcome.ts';
const PLANTED_BEFORE = '  const record: DecisionRecord = {';
const PLANT = `  if (principal.id.startsWith('${SLOWED_USER}')) {
    const until = performance.now() + ${PLANTED_MICROSECONDS / 1_000};
    while (performance.now() < until);
  }
`;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(PLANTED_FILE)) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString();
    if (!source.includes(PLANTED_BEFORE)) throw new Error(`nowhere to plant in ${PLANTED_FILE}`);
    return { ...loaded, source: source.replace(PLANTED_BEFORE, `${PLANT}${PLANTED_BEFORE}`) };
  },
});
const { openStores } = await import('../../src/cli/open-stores.ts');
const { loadConfig } = await import('../../src/config/load-config.ts');
const { startServer } = await import('../../src/server.ts');

const loaded = loadConfig(
  { env: process.env, readFile: () => 'shutdown: { drain_delay_ms: 0, grace_ms: 0 }' },
  { mode: 'serve' },
);
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
const logger = pino({ level: 'warn' }, pino.destination(2));
const stores = openStores(loaded.config, { logger });
const server = await startServer(loaded.config, stores, { logger });
process.stdout.write(`${JSON.stringify(server.addresses)}\n`);
process.once('SIGTERM', () => process.exit(0));
// Whoever started it is gone.
process.once('disconnect', () => process.exit(0));
