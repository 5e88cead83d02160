import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { CancelledError, DeadlineExceededError, OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import { createGuardedSql } from '../../src/parents/guarded-sql.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { QueryBounds, QueryOptions, Sql } from '../../src/parents/sql.ts';
import { createBulkhead } from '../../src/resilience/bulkhead.ts';
import { createRecordingObserver, createTestBreaker } from '../support/breaker.ts';

const NEVER = new AbortController().signal;
const BOUNDS: QueryBounds = { signal: NEVER, timeoutMs: 60_000 };

type Answer = (bounds: QueryOptions) => Promise<readonly Readonly<Record<string, unknown>>[]>;

function guard(sql: Sql, { maxConcurrent = 100, maxQueue = 100 } = {}) {
  const { breaker } = createTestBreaker('database');
  const bulkhead = createBulkhead(
    { observer: createRecordingObserver() },
    { dependency: 'database', maxConcurrent, maxQueue },
  );
  const guarded = createGuardedSql({ sql, breaker, bulkhead });
  const ask = async (bounds = BOUNDS): Promise<unknown> =>
    guarded.query('SELECT', [], bounds).catch((error: unknown) => error);
  return { ask, breaker, guarded };
}

/** A database that answers so, and how many queries have come to it. */
function setUp(answer: Answer, bounds: { readonly maxConcurrent?: number; readonly maxQueue?: number } = {}) {
  let asked = 0;
  const sql: Sql = {
    async query(_text, _values, bounds) {
      asked += 1;
      return answer(bounds);
    },
    close: async () => undefined,
  };
  return { ...guard(sql, bounds), asked: () => asked };
}

const pgError = (code: string): Error => Object.assign(new Error('canary'), { severity: 'ERROR', code });
const failWith =
  (error: Error): Answer =>
  async () => {
    throw error;
  };

describe.each([
  ['a connection that is refused', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
  ['a connection that breaks', Object.assign(new Error('write'), { code: 'EPIPE' })],
  ['a server that is shutting down', pgError('57P01')],
  ['a server without a place for a connection', pgError('53300')],
  ['an answer that is garbage', new TypeError('canary')],
])('%s', (_, cause) => {
  test('counts, and then queries are refused at once', async () => {
    const { ask, asked } = setUp(failWith(new UnavailableError('database', { cause })));
    await ask();
    await ask();
    const started = performance.now();
    expect(await ask()).toEqual(new UnavailableError('database'));
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(asked()).toBe(2);
  });
});

describe.each([
  ['a table that is not there', new UnavailableError('database', { cause: pgError('42P01') })],
  ['a column that may not be read', new UnavailableError('database', { cause: pgError('42501') })],
  ['a value that is out of range', new UnavailableError('database', { cause: pgError('22003') })],
  ['a caller that has left', new CancelledError()],
])('%s', (_, error) => {
  test('does not count', async () => {
    const { ask, breaker } = setUp(failWith(error));
    for (let query = 0; query < 10; query += 1) expect(await ask()).toBe(error);
    expect(breaker.state).toBe('closed');
  });
});

test('a query counts as late only if it had a fair share of its time', async () => {
  const gate = Promise.withResolvers<never[]>();
  let queries = 0;
  const { ask, breaker } = setUp(
    async () => {
      queries += 1;
      if (queries === 1) return gate.promise;
      throw new DeadlineExceededError();
    },
    { maxConcurrent: 1 },
  );
  const first = ask();
  const waiting = [ask({ ...BOUNDS, timeoutMs: 200 }), ask({ ...BOUNDS, timeoutMs: 200 })];
  // More than half of the others' time. On a slow machine it may be all of it, which does not count either.
  const untilMs = performance.now() + 130;
  while (performance.now() < untilMs) await nextTurn();
  gate.resolve([]);
  await first;
  for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(DeadlineExceededError);
  expect(breaker.state).toBe('closed');
  await ask();
  await ask();
  expect(breaker.state).toBe('open');
});

test('more queries than may wait are refused at once as overloaded, which does not count', async () => {
  const gate = Promise.withResolvers<never[]>();
  const { ask, asked, breaker } = setUp(async () => gate.promise, { maxConcurrent: 1, maxQueue: 2 });
  const kept = [ask(), ask(), ask()];
  const refused = await Promise.all([ask(), ask(), ask()]);
  expect(refused.every((outcome) => outcome instanceof OverloadedError)).toBe(true);
  expect(breaker.state).toBe('closed');
  gate.resolve([]);
  expect(await Promise.all(kept)).toEqual([[], [], []]);
  expect(asked()).toBe(3);
});

test('a query is asked with all that its answer must have', async () => {
  const asked: QueryOptions[] = [];
  const { guarded } = setUp(async (options) => {
    asked.push(options);
    return [];
  });
  await guarded.query('SELECT', [], { ...BOUNDS, columns: ['key', 'parent'] });
  expect(asked).toMatchObject([{ signal: NEVER, columns: ['key', 'parent'] }]);
});

test('a query that waits for its turn ends in its time, and with its caller', async () => {
  const gate = Promise.withResolvers<never[]>();
  const { ask, asked } = setUp(async () => gate.promise, { maxConcurrent: 1 });
  const first = ask();
  const caller = new AbortController();
  const left = ask({ ...BOUNDS, signal: caller.signal });
  const late = ask({ ...BOUNDS, timeoutMs: 20 });
  caller.abort(new CancelledError());
  expect(await left).toBeInstanceOf(CancelledError);
  expect(await late).toBeInstanceOf(DeadlineExceededError);
  gate.resolve([]);
  expect(await first).toEqual([]);
  await nextTurn();
  expect(asked()).toBe(1);
});

test('a query gets what is left of its time when it is its turn', async () => {
  const gate = Promise.withResolvers<never[]>();
  const times: number[] = [];
  const { ask } = setUp(
    async ({ timeoutMs }) => {
      times.push(timeoutMs);
      return gate.promise;
    },
    { maxConcurrent: 1 },
  );
  const asked = [ask(), ask()];
  const untilMs = performance.now() + 30;
  while (performance.now() < untilMs) await nextTurn();
  gate.resolve([]);
  await Promise.all(asked);
  expect(times[1]).toBeLessThanOrEqual(BOUNDS.timeoutMs - 30);
});

test('what waits when the breaker opens is refused without being asked', async () => {
  const gate = Promise.withResolvers<never[]>();
  const { ask, asked } = setUp(async () => gate.promise, { maxConcurrent: 2 });
  const calls = Array.from({ length: 6 }, async () => ask());
  gate.reject(new UnavailableError('database', { cause: new Error('reset') }));
  for (const outcome of await Promise.all(calls)) expect(outcome).toBeInstanceOf(UnavailableError);
  expect(asked()).toBe(2);
});

test('a query is refused at once while the breaker is open, though all places are taken by queries that hang', async () => {
  const gate = Promise.withResolvers<never[]>();
  const { ask, breaker } = setUp(async () => gate.promise, { maxConcurrent: 1 });
  const hung = ask();
  for (let call = 0; call < 2; call += 1) {
    const failed = breaker.run(
      async () => Promise.reject(new Error('down')),
      () => 'fault',
    );
    await expect(failed).rejects.toThrow('down');
  }
  expect(await ask()).toBeInstanceOf(UnavailableError);
  gate.resolve([]);
  expect(await hung).toEqual([]);
});

test('real Postgres: mistakes in a query do not count, a statement that takes too long does', async () => {
  const sql = createPostgresSql({
    url: inject('postgresUrl'),
    poolSize: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 50,
    onError: () => undefined,
  });
  try {
    const { guarded, breaker } = guard(sql);
    for (const text of ['SELECT * FROM no_such_table', 'SELECT 1/0', 'SELEC', "SELECT 'x'::int"]) {
      await expect(guarded.query(text, [], BOUNDS)).rejects.toThrow(UnavailableError);
    }
    expect(breaker.state).toBe('closed');
    for (let query = 0; query < 2; query += 1) {
      await expect(guarded.query('SELECT pg_sleep(30)', [], BOUNDS)).rejects.toThrow(UnavailableError);
    }
    expect(breaker.state).toBe('open');
  } finally {
    await sql.close();
  }
});
