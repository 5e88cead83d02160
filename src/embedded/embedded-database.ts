import { PGlite } from '@electric-sql/pglite';
import { TaskgateError, UnavailableError, toTaskgateError } from '../domain/errors.ts';
import type { Sql } from '../parents/sql.ts';
import { assertColumns } from '../parents/sql.ts';

export interface EmbeddedDatabaseOptions {
  /** SQL scripts that are run once, in order, before the first query. */
  readonly setup: readonly string[];
}

/**
 * Starts Postgres inside this process, in memory. What it holds is gone when it is closed.
 *
 * It runs on this thread, so that no timer fires while a query does: `timeoutMs` can't bound one and is not used.
 */
export async function startEmbeddedDatabase({ setup }: EmbeddedDatabaseOptions): Promise<Sql> {
  const database = await PGlite.create();
  for (const script of setup) await database.exec(script);
  return {
    async query(text, values, { signal, columns }) {
      if (signal.aborted) throw toTaskgateError(signal.reason);
      const { promise: left, reject } = Promise.withResolvers<never>();
      const leave = (): void => reject(toTaskgateError(signal.reason));
      signal.addEventListener('abort', leave, { once: true });
      try {
        // A query that has begun can't be stopped; only the wait for it ends.
        const answering = database.query<Record<string, unknown>>(text, [...values]);
        const { fields, rows } = await Promise.race([answering, left]);
        assertColumns(fields, columns);
        return rows;
      } catch (error) {
        throw error instanceof TaskgateError ? error : new UnavailableError('database', { cause: error });
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    close: async () => database.close(),
  };
}
