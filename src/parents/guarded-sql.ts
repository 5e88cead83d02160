import { DeadlineExceededError, OverloadedError, UnavailableError, toTaskgateError } from '../domain/errors.ts';
import type { Breaker, Verdict } from '../resilience/breaker.ts';
import type { Bulkhead } from '../resilience/bulkhead.ts';
import type { QueryBounds, Sql } from './sql.ts';

/** Classes of SQLSTATE that tell of the server and not of the query. */
const FAULTS: ReadonlySet<string> = new Set([
  '08', // connection exception
  '28', // invalid authorization: no connection can be made
  '53', // insufficient resources
  '57', // operator intervention: shutting down, starting, or a statement that took too long
  '58', // system error
  'F0', // configuration file error
  'XX', // internal error
]);
/** The share of its time that a query must have had for its lateness to be the database's. */
const FAIR_SHARE = 0.5;

/**
 * The database behind a bulkhead and a breaker. Waiting for a turn is part of a query's time. What waits when the breaker
 * opens is refused as soon as it is its turn.
 */
export function createGuardedSql({
  sql,
  breaker,
  bulkhead,
}: {
  readonly sql: Sql;
  readonly breaker: Breaker;
  readonly bulkhead: Bulkhead;
}): Sql {
  return {
    async query(text, values, bounds) {
      const { signal, timeoutMs } = bounds;
      if (signal.aborted) throw toTaskgateError(signal.reason);
      breaker.assertAdmits();
      const endsAtMs = performance.now() + timeoutMs;
      const waiting = new AbortController();
      const turn = bulkhead.run(async () => {
        waiting.abort();
        const remainingMs = endsAtMs - performance.now();
        if (signal.aborted) throw toTaskgateError(signal.reason);
        if (remainingMs <= 0) throw new DeadlineExceededError({ cause: 'waited too long for a connection' });
        const isFair = remainingMs >= timeoutMs * FAIR_SHARE;
        return breaker.run(
          async () => sql.query(text, values, { ...bounds, timeoutMs: remainingMs }),
          (thrown) => verdictOf(thrown, { isFair, signal }),
        );
      });
      return waiting.signal.aborted ? turn : orStopWaiting(turn, waiting.signal, bounds);
    },
    close: async () => sql.close(),
  };
}

/** What the error of a query says of the database. */
function verdictOf(thrown: unknown, { isFair, signal }: { isFair: boolean; signal: AbortSignal }): Verdict {
  if (signal.aborted) return 'unknown';
  if (thrown instanceof DeadlineExceededError) return isFair ? 'fault' : 'unknown';
  if (thrown instanceof OverloadedError) return 'answered';
  if (!(thrown instanceof UnavailableError)) return 'unknown';
  const sqlState = sqlStateOf(thrown.cause);
  return sqlState === undefined || FAULTS.has(sqlState.slice(0, 2)) ? 'fault' : 'answered';
}

/** The SQLSTATE of what the server itself said. An error of the network has a code too, and no severity. */
function sqlStateOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('severity' in cause) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** What waits for its turn ends in its time too; once it is its turn, the query has bounds of its own. */
async function orStopWaiting<Rows>(
  turn: Promise<Rows>,
  begun: AbortSignal,
  { signal, timeoutMs }: QueryBounds,
): Promise<Rows> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(toTaskgateError(signal.reason));
  const timer = setTimeout(() => reject(new DeadlineExceededError()), timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  };
  signal.addEventListener('abort', leave, { once: true });
  begun.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([turn, late]);
  } finally {
    stop();
  }
}
