import type { PoolClient } from 'pg';
import { Pool } from 'pg';
import { DeadlineExceededError, TaskgateError, toTaskgateError, UnavailableError } from '../domain/errors.ts';
import type { Sql } from './sql.ts';
import { assertColumns } from './sql.ts';

export interface PostgresOptions {
  /** `postgres://…`; its parameters are pg's, such as `sslmode`. */
  readonly url: string;
  readonly poolSize: number;
  /** Milliseconds to get a connection. */
  readonly connectTimeoutMs: number;
  /** Milliseconds after which the server itself ends a statement. */
  readonly statementTimeoutMs: number;
  /** Told of connections that break while nobody uses them; without a listener one would end the process. */
  readonly onError: (error: Error) => void;
}

/** A pool of connections to a Postgres server that connects when it is first used. */
export function createPostgresSql(options: PostgresOptions): Sql {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    application_name: 'taskgate',
    allowExitOnIdle: true,
  });
  pool.on('error', options.onError);
  // The pool listens to idle connections only: one that breaks under a query fails it, and must not end the process.
  pool.on('connect', (client) => void client.on('error', () => undefined));

  return {
    async query(text, values, { signal, timeoutMs, columns }) {
      if (signal.aborted) throw toTaskgateError(signal.reason);
      const { promise: bound, reject } = Promise.withResolvers<never>();
      const leave = (): void => reject(toTaskgateError(signal.reason));
      const timer = setTimeout(() => reject(new DeadlineExceededError()), timeoutMs);
      signal.addEventListener('abort', leave, { once: true });
      try {
        const { fields, rows } = await queryOnce(pool, text, values, bound);
        assertColumns(fields, columns);
        return rows;
      } catch (error) {
        throw error instanceof TaskgateError ? error : new UnavailableError('database', { cause: error });
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
      }
    },
    close: async () => pool.end(),
  };
}

/** A connection whose query was not waited for is closed: what it still sends must not be another query's answer. */
async function queryOnce(pool: Pool, text: string, values: readonly unknown[], bound: Promise<never>) {
  const connecting = pool.connect();
  let client: PoolClient;
  try {
    client = await Promise.race([connecting, bound]);
  } catch (error) {
    connecting.then((late) => late.release()).catch(() => undefined);
    throw error;
  }
  try {
    const answer = await Promise.race([client.query<Record<string, unknown>>(text, [...values]), bound]);
    client.release();
    return answer;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
