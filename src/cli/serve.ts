import { loadConfig } from '../config/load-config.ts';
import type { ServeConfig } from '../config/config.ts';
import { formatProblems } from '../config/problem.ts';
import { createPostgresSql } from '../parents/postgres-sql.ts';
import type { RedisClient } from '../parents/redis-client.ts';
import { createRedisClient } from '../parents/redis-client.ts';
import type { SpiceDbOptions } from '../relationships/spicedb-client.ts';
import type { RunningServer } from '../server.ts';
import { startServer } from '../server.ts';
import type { Logger } from 'pino';
import type { ServerCommandDeps } from './run-until-shutdown.ts';
import { createCommandLogger, runUntilShutdown } from './run-until-shutdown.ts';
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
  await using started = new AsyncDisposableStack();
  let server: RunningServer;
  try {
    server = await startWithStores(loaded.config, logger, started);
  } catch (error) {
    logger.fatal({ err: error }, 'could not start');
    return EXIT_CODES.failed;
  }
  await runUntilShutdown(server, deps.shutdown, logger);
  return EXIT_CODES.ok;
}

/** How the configured SpiceDB is reached. */
export function toSpiceDbOptions({ spicedb }: ServeConfig): SpiceDbOptions {
  const { endpoint, token, timeoutMs, tls } = spicedb;
  return { endpoint, token, timeoutMs, ...(tls.enabled ? { tls } : {}) };
}

async function startWithStores(
  config: ServeConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<RunningServer> {
  const { database } = config;
  const sql = createPostgresSql({
    url: database.url,
    poolSize: database.poolSize,
    connectTimeoutMs: database.connectTimeoutMs,
    statementTimeoutMs: database.timeoutMs,
    onError: (err) => logger.warn({ err }, 'a database connection broke'),
  });
  opened.defer(async () => sql.close());
  const redis = config.redis === undefined ? undefined : openRedis(config.redis, logger);
  if (redis !== undefined) opened.defer(() => redis.disconnect());
  return startServer(
    config,
    { spiceDb: toSpiceDbOptions(config), sql, ...(redis === undefined ? {} : { redis }) },
    { logger },
  );
}

function openRedis(target: NonNullable<ServeConfig['redis']>, logger: Logger): RedisClient {
  return createRedisClient(target, (err) => logger.debug({ err }, 'Redis is not connected'));
}
