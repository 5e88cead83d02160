import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEFAULT_TYPES } from '../../src/config/default-types.ts';
import { CancelledError } from '../../src/domain/errors.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { PostgresSource } from '../../src/parents/postgres-catalogue.ts';
import { createPostgresParents } from '../../src/parents/postgres-parents.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import { ABSENT, countQueries, found, messageKey, SILENT } from './fixtures.ts';

const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
const TABLES = `
  CREATE EXTENSION IF NOT EXISTS citext;
  CREATE TABLE by_uuid (id uuid PRIMARY KEY, task_id uuid); INSERT INTO by_uuid VALUES ('${UUID}', '${UUID}');
  CREATE TABLE by_int4 (id int4 PRIMARY KEY, task_id int4); INSERT INTO by_int4 VALUES (7, 70), (-7, 71);
  CREATE TABLE by_int8 (id int8 PRIMARY KEY, task_id int8); INSERT INTO by_int8 VALUES (9223372036854775807, 1);
  CREATE TABLE by_varchar (id varchar(20) PRIMARY KEY, task_id text); INSERT INTO by_varchar VALUES ('a', 'task-a');
  CREATE TABLE by_citext (id citext PRIMARY KEY, task_id text);
  CREATE TABLE by_numeric (id numeric PRIMARY KEY, task_id text);
  CREATE TABLE not_unique (id text, task_id text);
  CREATE TABLE half_unique (id text, task_id text, UNIQUE (id, task_id));
  CREATE TABLE "Odd ""Name" ("I d" text PRIMARY KEY, "task" text); INSERT INTO "Odd ""Name" VALUES ('o', 'task-o');`;

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows(), TABLES]);
  sql = open(database.url);
});
afterAll(async () => {
  await sql.close();
  await database[Symbol.asyncDispose]();
});

function open(url: string, { poolSize = 2, timeoutMs = 5_000 } = {}): Sql {
  return createPostgresSql({
    url,
    poolSize,
    connectTimeoutMs: timeoutMs,
    statementTimeoutMs: timeoutMs,
    onError: () => undefined,
  });
}

function parentsOf(
  sources: readonly Partial<PostgresSource>[],
  on: Sql = sql,
  { maxConcurrentBatches = 1, timeoutMs = 5_000 } = {},
) {
  const complete = sources.map((source) => ({
    type: 'message',
    table: 'messages',
    id: 'id',
    parents: { task: 'task_id' },
    ...source,
  }));
  return createPostgresParents(
    { sql: on, sources: complete, observer: SILENT },
    { timeoutMs, maxBatchSize: 10_000, maxConcurrentBatches },
  );
}

const bounds = { signal: new AbortController().signal, timeoutMs: 5_000 };

describe('ids in columns that are not text', () => {
  test.each([
    ['by_uuid', UUID, UUID],
    ['by_int4', '7', '70'],
    ['by_int4', '-7', '71'],
    ['by_int8', '9223372036854775807', '1'],
    ['by_varchar', 'a', 'task-a'],
  ])('%s finds %s', async (table, id, parent) => {
    expect(await parentsOf([{ table }]).lookup([messageKey(id)], callContext())).toEqual([found(parent)]);
  });

  test.each([
    ['by_uuid', UUID.toUpperCase()],
    ['by_uuid', `{${UUID}}`],
    ['by_uuid', UUID.replaceAll('-', '')],
    ['by_uuid', 'no uuid at all'],
    ['by_int4', '07'],
    ['by_int4', '+7'],
    ['by_int4', ' 7'],
    ['by_int4', '7.0'],
    ['by_int4', '-0'],
    ['by_int4', '99999999999'],
    ['by_int8', '9223372036854775808'],
    ['by_int8', '1e3'],
    ['by_varchar', 'A'],
    ['by_varchar', 'a '],
  ])('%s takes %j for absent, and the rest of the batch is answered', async (table, id) => {
    const known = { by_uuid: UUID, by_int4: '7', by_int8: '9223372036854775807', by_varchar: 'a' }[table] ?? '';
    const results = await parentsOf([{ table }]).lookup([messageKey(id), messageKey(known)], callContext());
    expect(results[0]).toEqual(ABSENT);
    expect(results[1]?.kind).toBe('found');
  });

  test('quotes identifiers', async () => {
    const parents = parentsOf([{ table: 'Odd "Name', id: 'I d', parents: { task: 'task' } }]);
    expect(await parents.lookup([messageKey('o')], callContext())).toEqual([found('task-o')]);
  });
});

describe('batches', () => {
  test('makes few queries of many lookups at the same time', async () => {
    const counted = countQueries(sql);
    const parents = parentsOf([{}], counted);
    await parents.lookup([messageKey('warm')], callContext());
    const asked = Array.from({ length: 64 }, async (_, index) =>
      parents.lookup([messageKey(`m-${index}`)], callContext()),
    );
    await Promise.all(asked);
    expect(counted.lookups() - 1).toBeLessThanOrEqual(2);
  });

  test.each<[string, readonly Record<string, unknown>[]]>([
    [
      'two rows with one key and different parents',
      [
        { key: 'm', parent_1: 'a' },
        { key: 'm', parent_1: 'b' },
      ],
    ],
    ['a row without the parent', [{ key: 'm' }]],
    ['a parent that is no text', [{ key: 'm', parent_1: { id: 'a' } }]],
    ['a row that was not asked for', [{ key: 'M', parent_1: 'a' }]],
    ['a row without a key', [{ parent_1: 'a' }]],
  ])('takes %s for a fault', async (_, rows) => {
    const odd: Sql = {
      ...sql,
      query: async (text, values, within) => (text.includes('pg_catalog') ? sql.query(text, values, within) : rows),
    };
    expect(await parentsOf([{}], odd).lookup([messageKey('m')], callContext())).toMatchObject([
      { kind: 'failed', error: { name: 'UnavailableError', dependency: 'database' } },
    ]);
  });

  test('fails or misses for the one key that is wrong, and answers the others of the batch', async () => {
    const parents = parentsOf([{}]);
    const keys = [
      messageKey('msg-1'),
      messageKey('a\0b'),
      messageKey('\uD800'),
      { ...messageKey('msg-1'), parentType: 'agent' },
    ];
    const results = await Promise.all(keys.map(async (key) => parents.lookup([key], callContext())));
    expect(results.flat()).toMatchObject([
      found('task-1'),
      ABSENT,
      ABSENT,
      { kind: 'failed', error: { name: 'InternalError' } },
    ]);
  });
});

describe('the catalogue', () => {
  test('names everything that does not fit, at once', async () => {
    const parents = parentsOf([
      { type: 'aaa', table: 'no_such_table' },
      { type: 'bbb', id: 'no_such_id' },
      { type: 'ccc', parents: { task: 'no_such_parent' } },
      { type: 'ddd', table: 'by_citext' },
      { type: 'eee', table: 'by_numeric' },
      { type: 'fff', table: 'not_unique' },
      { type: 'ggg', table: 'half_unique' },
      { type: 'hhh', table: 'agents', name: 'status', parents: {} },
      { type: 'iii', table: "messages'; DROP TABLE messages; --" },
    ]);
    await expect(parents.check(bounds)).rejects.toMatchObject({
      name: 'SourceProblemsError',
      problems: [
        'types.aaa.table: there is no table no_such_table',
        'types.bbb.id: there is no column no_such_id',
        'types.ccc.parents.task: there is no column no_such_parent',
        expect.stringMatching(/^types\.ddd\.id: .*citext/),
        expect.stringMatching(/^types\.eee\.id: .*numeric/),
        'types.fff.id: column id has no unique index of its own',
        'types.ggg.id: column id has no unique index of its own',
        'types.hhh.name: column status has no unique index of its own',
        expect.stringMatching(/^types\.iii\.table: /),
      ],
    });
    expect(await parents.lookup([messageKey('msg-1')], callContext())).toMatchObject([{ kind: 'failed' }]);
  });

  test('takes an id of a hostile request for a value', async () => {
    expect(await parentsOf([{}]).lookup([messageKey("'; DROP TABLE messages; --")], callContext())).toEqual([ABSENT]);
    expect(await parentsOf([{}]).lookup([messageKey('msg-1')], callContext())).toEqual([found('task-1')]);
  });

  test('is satisfied with what the deployed role may read, and that role reads nothing else', async () => {
    const role = `taskgate_${Date.now()}`;
    const script = await readFile(new URL('../../deploy/postgres/read-only-role.sql', import.meta.url), 'utf8');
    await execute(database.url, script.replaceAll(/\btaskgate\b/g, role).replace(/--.*$/gm, ''));
    const url = new URL(database.url);
    url.username = role;
    const limited = open(url.href);
    try {
      const sources = Object.entries(DEFAULT_TYPES).flatMap(([type, { table, id, name, parents = {} }]) =>
        table === undefined || id === undefined || (name === undefined && Object.keys(parents).length === 0)
          ? []
          : [{ type, table, id, parents, ...(name === undefined ? {} : { name }) }],
      );
      expect(sources.map(({ type }) => type)).toEqual(['task', 'agent', 'message', 'state', 'tracker', 'event']);
      const parents = parentsOf(sources, limited);
      await parents.check(bounds);
      expect(await parents.lookup([messageKey('msg-1')], callContext())).toEqual([found('task-1')]);
      await expect(limited.query('SELECT content FROM messages', [], bounds)).rejects.toThrow(
        'database is unavailable',
      );
      await expect(parentsOf([{ parents: { task: 'content' } }], limited).check(bounds)).rejects.toMatchObject({
        problems: ['types.message.parents.task: the database role may not read column content'],
      });
    } finally {
      await limited.close();
      await execute(database.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

describe('a database that fails', () => {
  test('is a fault within its time when it never answers', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const hung = open(`postgres://user@127.0.0.1:${port}/db`, { timeoutMs: 60_000 });
    const startedAt = performance.now();
    const parents = parentsOf([{}], hung, { timeoutMs: 100 });
    expect(await parents.lookup([messageKey('m')], callContext())).toMatchObject([
      { error: { name: 'DeadlineExceededError' } },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    server.close();
  });

  test('is a fault at once when nobody listens', async () => {
    const parents = parentsOf([{}], open('postgres://user:canary@127.0.0.1:1/db'));
    const [result] = await parents.lookup([messageKey('m')], callContext());
    expect(result).toMatchObject({ kind: 'failed', error: { name: 'UnavailableError', dependency: 'database' } });
    expect(JSON.stringify(result)).not.toContain('canary');
  });

  test('does not give a query the answer of one that was left', async () => {
    const single = open(database.url, { poolSize: 1 });
    const leaving = new AbortController();
    const left = single.query("SELECT 'left' AS who, pg_sleep(5)", [], { signal: leaving.signal, timeoutMs: 5_000 });
    leaving.abort(new CancelledError());
    await expect(left).rejects.toThrow(CancelledError);
    await expect(single.query("SELECT 'late' AS who, pg_sleep(5)", [], { ...bounds, timeoutMs: 50 })).rejects.toThrow(
      'deadline',
    );
    expect(await single.query("SELECT 'next' AS who", [], bounds)).toEqual([{ who: 'next' }]);
    await single.close();
  });
});
