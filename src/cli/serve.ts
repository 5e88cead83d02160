import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import type { RunningServer } from '../server.ts';
import { startServer } from '../server.ts';
import { renderBanner } from './banner.ts';
import { openStores } from './open-stores.ts';
import type { ServerCommandDeps } from './run-until-shutdown.ts';
import { createCommandLogger, isForPeople, runUntilShutdown } from './run-until-shutdown.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

/** Answers with the stores of the configuration, until the process is asked to end. */
export async function runServe(deps: ServerCommandDeps): Promise<ExitCode> {
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid') {
    deps.stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const logger = createCommandLogger(deps, loaded.config);
  await using stores = openStores(loaded.config, { logger });
  let server: RunningServer;
  try {
    server = await startServer(loaded.config, stores, { logger, output: deps.stdout });
  } catch (error) {
    logger.fatal({ err: error }, 'could not start');
    return EXIT_CODES.failed;
  }
  if (isForPeople(deps, loaded.config)) deps.stdout.write(renderBanner(loaded.config, server.addresses));
  await runUntilShutdown(server, deps.shutdown, logger);
  return EXIT_CODES.ok;
}
