import type { Logger } from 'pino';
import type { ServeConfig } from '../config/config.ts';
import { within } from '../domain/within.ts';
import { createPostgresSql } from '../parents/postgres-sql.ts';
import { createRedisClient } from '../parents/redis-client.ts';
import type { SpiceDbOptions } from '../relationships/spicedb-client.ts';
import type { Stores } from '../server.ts';
import { logFault } from '../telemetry/logger.ts';

/** For a database to take its leave; one that hangs is left. */
const CLOSE_TIMEOUT_MS = 500;

/** How the configured SpiceDB is reached. */
export function toSpiceDbOptions({ spicedb }: ServeConfig): SpiceDbOptions {
  const { endpoint, token, timeoutMs, tls } = spicedb;
  return { endpoint, token, timeoutMs, ...(tls.enabled ? { tls } : {}) };
}

/** The configured stores, each of which connects when it is first used. Dispose them after the server. */
export function openStores(config: ServeConfig, { logger }: { readonly logger: Logger }): Stores & AsyncDisposable {
  const { url, poolSize, connectTimeoutMs, timeoutMs } = config.database;
  const sql = createPostgresSql({
    url,
    poolSize,
    connectTimeoutMs,
    statementTimeoutMs: timeoutMs,
    onError: (fault) => logFault(logger, 'warn', { fault }, 'a database connection broke'),
  });
  const redis =
    config.redis === undefined
      ? undefined
      : createRedisClient(config.redis, (err) => logger.debug({ err }, 'Redis is not connected'));
  return {
    spiceDb: toSpiceDbOptions(config),
    sql,
    ...(redis === undefined ? {} : { redis }),
    async [Symbol.asyncDispose]() {
      redis?.disconnect();
      await within(CLOSE_TIMEOUT_MS, sql.close());
    },
  };
}
