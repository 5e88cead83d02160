import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { RegisteredRow } from '../../src/authorize/ports-lifecycle.ts';
import { startEmbeddedDatabase } from '../../src/embedded/embedded-database.ts';
import { createPostgresRows } from '../../src/parents/postgres-rows.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { RowSource } from '../../src/parents/row-queries.ts';
import { confirmRowSources } from '../../src/parents/row-queries.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext } from '../support/spicedb.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';

const BOUNDS = { signal: new AbortController().signal, timeoutMs: 5_000 };
const TABLES = `
  CREATE TABLE notes (id text PRIMARY KEY, org text, made_by text, robot text, meta jsonb, "home id" text, gone boolean);
  INSERT INTO notes VALUES
    ('b@example.com', 'acme', 'alice', 'robot', '{"by": "al@example.com"}', 'h-1', false),
    ('C', 'acme', NULL, 'robot', '{}', NULL, false),
    ('a.1', NULL, NULL, NULL, '{}', NULL, false),
    ('z', 'acme', 'alice', NULL, '{}', NULL, true);
  CREATE TABLE by_uuid (id uuid PRIMARY KEY, org int8, made_by text);
  INSERT INTO by_uuid SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, n, 'alice' FROM generate_series(1, 25) n;
  CREATE TABLE by_number (id int8 PRIMARY KEY, org text, made_by text);
  INSERT INTO by_number SELECT n, 'acme', 'alice' FROM generate_series(-5, 15) n;
  CREATE TABLE optional (id text UNIQUE, org text, made_by text);
  INSERT INTO optional VALUES ('a', 'acme', 'x'), (NULL, 'acme', 'x'), (NULL, 'acme', 'x');`;
const NOTES: RowSource = {
  type: 'note',
  table: 'notes',
  id: 'id',
  parents: {},
  rows: {
    owner: [
      { kind: 'user', value: "meta->>'by'" },
      { kind: 'user', value: 'made_by' },
      { kind: 'service_account', value: 'robot' },
    ],
    account: 'org',
    parent: 'home id',
    where: 'NOT gone -- a comment',
  },
};

const STORES = [
  {
    name: 'Postgres',
    async open() {
      const database = await createTestDatabase(inject('postgresUrl'), [TABLES]);
      return { sql: openSql(database.url), drop: async () => database[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'embedded Postgres',
    open: async () => ({ sql: await startEmbeddedDatabase({ setup: [TABLES] }), drop: async () => undefined }),
  },
];

function openSql(url: string): Sql {
  return createPostgresSql({
    url,
    poolSize: 2,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
}

async function rowsOf(sql: Sql, source: RowSource) {
  const queries = (await confirmRowSources(sql, [source], BOUNDS)).get(source.type);
  if (queries === undefined) throw new Error('not confirmed');
  return createPostgresRows({ sql, queries }, { timeoutMs: 5_000 });
}

describe.each(STORES)('rows in $name', (store) => {
  let sql: Sql;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ sql, drop } = await store.open());
  });
  afterAll(async () => {
    await sql.close();
    await drop();
  });

  async function all(source: RowSource, limit: number): Promise<readonly RegisteredRow[]> {
    const rows = await rowsOf(sql, source);
    const read: RegisteredRow[] = [];
    for (;;) {
      const page = await rows.page(read.at(-1)?.id, limit, callContext());
      read.push(...page);
      if (page.length < limit) return read;
    }
  }

  test('say owner, account and parent by column and by expression, where they match', async () => {
    const read = await all(NOTES, 2);
    expect(read.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: 'C', owner: { kind: 'service_account', id: 'robot' }, account: 'acme', parentId: undefined },
      { id: 'a.1', owner: undefined, account: undefined, parentId: undefined },
      { id: 'b@example.com', owner: { kind: 'user', id: 'al@example.com' }, account: 'acme', parentId: 'h-1' },
    ]);
    expect(await (await rowsOf(sql, NOTES)).count(callContext())).toBe(3);
  });

  const maker = { owner: [{ kind: 'user', value: 'made_by' }], account: 'org' } as const;
  test.each([
    ['by_uuid', 25],
    ['by_number', 21],
    ['optional', 1],
  ])('of %s come each once, whatever the size of a page', async (table, count) => {
    const source: RowSource = { type: 'note', table, id: 'id', parents: {}, rows: maker };
    for (const limit of [1, 5, 25, 1_000]) {
      const ids = (await all(source, limit)).map(({ id }) => id);
      expect(ids).toHaveLength(count);
      expect(new Set(ids).size).toBe(count);
    }
    expect(await (await rowsOf(sql, source)).count(callContext())).toBe(count);
  });

  test('are present or not, and an id that no row can have is not asked', async () => {
    const notes = await rowsOf(sql, NOTES);
    expect(await notes.present(['a.1', 'z', 'missing', 'c', '\0', ''], callContext())).toEqual(new Set(['a.1']));
    const numbers = await rowsOf(sql, { type: 'note', table: 'by_number', id: 'id', parents: {} });
    expect(await numbers.present(['7', '07', 'x', '99', '99999999999999999999'], callContext())).toEqual(
      new Set(['7']),
    );
  });

  test.each<[string, Partial<NonNullable<RowSource['rows']>>, readonly string[]]>([
    ['an unknown column', { account: 'orgg' }, ['types.note.rows.account: the database does not take it: ']],
    [
      'a syntax error and an unknown function',
      { owner: [{ kind: 'agent', value: 'a b' }], where: 'nope()' },
      ['types.note.rows.owner.agent: ', 'types.note.rows.where: '],
    ],
    ['a condition that is no boolean', { where: "'text' || id" }, ['types.note.rows.where: ']],
    ['an aggregate', { account: 'max(org)' }, ['types.note.rows: ']],
    ['a second statement', { parent: "id); DELETE FROM notes; SELECT ('x'" }, ['types.note.rows.parent: ']],
  ])('%s is a problem of its setting', async (_, values, problems) => {
    const rows = { ...maker, ...values };
    await expect(confirmRowSources(sql, [{ ...NOTES, rows }], BOUNDS)).rejects.toMatchObject({
      name: 'SourceProblemsError',
      problems: problems.map((start) => expect.stringContaining(start)),
    });
  });

  test('an expression that fails for one row fails the page, and absence is not concluded', async () => {
    const notes = await rowsOf(sql, {
      ...NOTES,
      rows: { ...maker, account: "org || (1 / length(replace(id, 'C', '')))" },
    });
    await expect(notes.page(undefined, 10, callContext())).rejects.toMatchObject({ dependency: 'database' });
  });
});

test('a column that the role may not read is a problem of its setting', async () => {
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  const grants = `CREATE ROLE ${role} LOGIN; GRANT SELECT (id, org, made_by) ON notes TO ${role};`;
  await using database = await createTestDatabase(inject('postgresUrl'), [TABLES, grants]);
  const url = new URL(database.url);
  url.username = role;
  const sql = openSql(url.href);
  await expect(confirmRowSources(sql, [NOTES], BOUNDS)).rejects.toMatchObject({ name: 'SourceProblemsError' });
  const owner = [{ kind: 'user', value: 'made_by' }] as const;
  const notes = await rowsOf(sql, { ...NOTES, rows: { owner, account: 'org' } });
  expect(await notes.page(undefined, 10, callContext())).toHaveLength(4);
  await sql.close();
  await execute(database.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

describe('a malformed answer is a fault', () => {
  const good = { row_id: 'a', row_owner_0: 'alice', row_account: 'acme', row_parent: null };
  test.each<[string, readonly Record<string, unknown>[]]>([
    ['more rows than asked', [good, { ...good, row_id: 'b' }, { ...good, row_id: 'c' }]],
    ['an id twice', [good, good]],
    ['an id that was had already', [{ ...good, row_id: 'before' }]],
    ['an id that is null', [{ ...good, row_id: null }]],
    ['an id that is a number', [{ ...good, row_id: 5 }]],
    ['no account column', [{ row_id: 'a', row_owner_0: 'alice', row_parent: null }]],
    ['a count that is no number', [{ row_count: 'many' }]],
    ['two counts', [{ row_count: '1' }, { row_count: '2' }]],
    ['no count', []],
  ])('%s', async (name, answer) => {
    const sql: Sql = { query: async () => answer, close: async () => undefined };
    const queries = {
      count: '',
      firstPage: '',
      nextPage: '',
      present: '',
      isCanonical: () => true,
      ownerKinds: ['user'] as const,
    };
    const rows = createPostgresRows({ sql, queries }, { timeoutMs: 1 });
    const fault = { name: 'UnavailableError', dependency: 'database' };
    if (name.includes('count')) await expect(rows.count(callContext())).rejects.toMatchObject(fault);
    else await expect(rows.page('before', 2, callContext())).rejects.toMatchObject(fault);
    if (name.includes('id')) await expect(rows.present(['other'], callContext())).rejects.toMatchObject(fault);
  });
});
