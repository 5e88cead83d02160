import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { CancelledError } from '../../src/domain/errors.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import { createPostgresParents } from '../../src/parents/postgres-parents.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { Sql } from '../../src/parents/sql.ts';
import type { FaultMode, FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { PostgresReply } from '../support/impostor-postgres.ts';
import { startImpostorPostgres } from '../support/impostor-postgres.ts';
import { callContext } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import { found, messageKey, SILENT } from './fixtures.ts';

const TIMEOUT_MS = 300;
const SLACK_MS = 1_000;
const POOL_SIZE = 2;
const BOUNDS = { signal: new AbortController().signal, timeoutMs: 5_000 };
/** A query that outlasts the test, and that no other test makes: the server goes on with one that was left. */
const slowQuery = (): string => `SELECT pg_sleep(30) /* ${randomUUID()} */`;

let database: TestDatabase;
let proxy: FaultProxy;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
  const { hostname: host, port } = new URL(database.url);
  proxy = await startFaultProxy({ host, port: Number(port) });
  const url = new URL(database.url);
  url.host = proxy.address;
  sql = createPostgresSql({
    url: url.href,
    poolSize: POOL_SIZE,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 30_000,
    onError: () => undefined,
  });
});
beforeEach(async () => proxy.setMode('ok'));
afterAll(async () => {
  await proxy.setMode('ok');
  await sql.close();
  await proxy[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** Resolves when the server runs the query on as many connections. */
async function isUnderWay(query: string, connections: number): Promise<void> {
  const direct = createPostgresSql({
    url: database.url,
    poolSize: 1,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  const active = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = $1";
  try {
    await vi.waitFor(async () => expect(await direct.query(active, [query], BOUNDS)).toHaveLength(connections), 5_000);
  } finally {
    await direct.close();
  }
}

describe('a connection that breaks under a query', () => {
  test.each<[string, (query: string) => Promise<unknown>]>([
    ['is reset', async () => proxy.setMode('reset')],
    ['is closed', async () => proxy.setMode('refuse')],
    [
      'is ended by an administrator',
      async (query) =>
        execute(
          database.url,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = '${query}' AND pid <> pg_backend_pid()`,
        ),
    ],
  ])('fails that query alone when it %s, and the pool goes on', async (_, breakIt) => {
    const text = slowQuery();
    const outcome = Promise.allSettled([sql.query(text, [], BOUNDS)]);
    await isUnderWay(text, 1);
    await breakIt(text);
    expect(await outcome).toMatchObject([
      { status: 'rejected', reason: { name: 'UnavailableError', dependency: 'database' } },
    ]);
    await proxy.setMode('ok');
    expect(await sql.query('SELECT 1 AS one', [], BOUNDS)).toEqual([{ one: 1 }]);
  });
});

describe('a database that comes back', () => {
  test.each<[FaultMode, string]>([
    ['refuse', 'UnavailableError'],
    ['reset', 'UnavailableError'],
    ['hang', 'DeadlineExceededError'],
  ])('answers again after it did %s', async (mode, name) => {
    const parents = createPostgresParents(
      {
        sql,
        sources: [{ type: 'message', table: 'messages', id: 'id', parents: { task: 'task_id' } }],
        observer: SILENT,
      },
      { timeoutMs: TIMEOUT_MS, maxBatchSize: 100, maxConcurrentBatches: POOL_SIZE },
    );
    const lookup = async () => parents.lookup([messageKey('msg-1')], callContext());
    await parents.check(BOUNDS);
    expect(await lookup()).toEqual([found('task-1')]);

    await proxy.setMode(mode);
    // More often than there are connections: none may be lost to a failure.
    for (let round = 0; round < POOL_SIZE + 1; round += 1) {
      const startedAt = performance.now();
      expect(await lookup()).toMatchObject([{ kind: 'failed', error: { name } }]);
      expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    }
    await expect(parents.check({ ...BOUNDS, timeoutMs: TIMEOUT_MS })).rejects.toMatchObject({ name });

    await proxy.setMode('ok');
    await vi.waitFor(async () => expect(await lookup()).toEqual([found('task-1')]), 5_000);
  });
});

describe('an answer to another question', () => {
  const other = [{ name: 'other', oid: 25 }];
  test.each<[string, PostgresReply]>([
    ['other columns and a row', { columns: other, rows: [['m']] }],
    ['other columns and no row', { columns: other }],
    ['no columns at all', {}],
    ['what another command says', { tag: 'INSERT 0 1' }],
  ])('is a fault: %s', async (_, reply) => {
    await using impostor = await startImpostorPostgres([() => reply]);
    const impostorSql = createPostgresSql({
      url: `postgres://nobody@127.0.0.1:${impostor.port}/none`,
      poolSize: 1,
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 2_000,
      onError: () => undefined,
    });
    await expect(
      impostorSql.query('SELECT id AS key FROM messages WHERE id = $1', ['m'], { ...BOUNDS, columns: ['key'] }),
    ).rejects.toMatchObject({ name: 'UnavailableError', dependency: 'database' });
    await impostorSql.close();
  });
});

describe('a caller', () => {
  test('that is gone asks nothing', async () => {
    const reason = new CancelledError();
    await expect(sql.query('SELECT 1', [], { ...BOUNDS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('that leaves, waiting or served, takes no connection with it', async () => {
    const leaving = new AbortController();
    const text = slowQuery();
    const served = Promise.allSettled(
      Array.from({ length: POOL_SIZE }, async () => sql.query(text, [], { ...BOUNDS, signal: leaving.signal })),
    );
    await isUnderWay(text, POOL_SIZE);
    await expect(sql.query('SELECT 1', [], { ...BOUNDS, timeoutMs: 50 })).rejects.toMatchObject({
      name: 'DeadlineExceededError',
    });
    leaving.abort(new CancelledError());
    expect(await served).toMatchObject(
      Array.from({ length: POOL_SIZE }, () => ({ status: 'rejected', reason: { name: 'CancelledError' } })),
    );
    const next = Array.from({ length: POOL_SIZE }, async (_, n) => sql.query('SELECT $1::int AS n', [n], BOUNDS));
    expect(await Promise.all(next)).toEqual(next.map((_, n) => [{ n }]));
  });
});
