import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { PostgresSource } from '../../src/parents/postgres-catalogue.ts';
import { createPostgresParents } from '../../src/parents/postgres-parents.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import { ABSENT, found, messageKey, SILENT } from './fixtures.ts';

const BOUNDS = { signal: new AbortController().signal, timeoutMs: 5_000 };
const ROLE = `role_${randomUUID().replaceAll('-', '')}`;
const TABLES = `
  CREATE TABLE partly_unique (id text, task_id text); CREATE UNIQUE INDEX ON partly_unique (id) WHERE task_id IS NOT NULL;
  CREATE TABLE unique_by_case (id text, task_id text); CREATE UNIQUE INDEX ON unique_by_case (lower(id));
  CREATE TABLE padded (id char(8) PRIMARY KEY, task_id text);
  CREATE DOMAIN domain_id AS text; CREATE TABLE by_domain (id domain_id PRIMARY KEY, task_id text);
  CREATE TABLE plain (id text PRIMARY KEY, task_id text);
  CREATE VIEW plain_view AS SELECT * FROM plain;
  CREATE TABLE with_include (id text, task_id text); CREATE UNIQUE INDEX ON with_include (id) INCLUDE (task_id);
  INSERT INTO with_include VALUES ('m', 'task-1');
  CREATE TABLE dropped (id text PRIMARY KEY, task_id text); ALTER TABLE dropped DROP COLUMN task_id;
  CREATE SCHEMA hidden; CREATE TABLE hidden.plain (id text PRIMARY KEY, task_id text);
  CREATE TABLE guarded (id text PRIMARY KEY, name text UNIQUE, task_id text);
  CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE folded (id text COLLATE folding PRIMARY KEY, task_id text); INSERT INTO folded VALUES ('Abc', 'task-1');
  CREATE ROLE ${ROLE} LOGIN; GRANT SELECT (task_id) ON guarded TO ${ROLE};`;

let database: TestDatabase;
let owner: Sql;
let limited: Sql;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [TABLES]);
  const open = (username: string): Sql => {
    const url = new URL(database.url);
    url.username = username;
    return createPostgresSql({
      url: url.href,
      poolSize: 2,
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 5_000,
      onError: () => undefined,
    });
  };
  owner = open(new URL(database.url).username);
  limited = open(ROLE);
});
afterAll(async () => {
  await owner.close();
  await limited.close();
  await execute(database.url, `DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  await database[Symbol.asyncDispose]();
});

function parentsOf(source: Partial<PostgresSource>, sql: Sql = owner) {
  const complete = { type: 'message', table: 'plain', id: 'id', parents: { task: 'task_id' }, ...source };
  return createPostgresParents(
    { sql, sources: [complete], observer: SILENT },
    { timeoutMs: 5_000, maxBatchSize: 100, maxConcurrentBatches: 1 },
  );
}

const NOT_UNIQUE = 'types.message.id: column id has no unique index of its own';

test.each<[string, Partial<PostgresSource>, readonly unknown[]]>([
  ['unique for some rows only', { table: 'partly_unique' }, [NOT_UNIQUE]],
  ['unique by an expression', { table: 'unique_by_case' }, [NOT_UNIQUE]],
  ['of a view', { table: 'plain_view' }, [NOT_UNIQUE]],
  ['padded', { table: 'padded' }, [expect.stringContaining('column id is of type bpchar')]],
  ['of a domain', { table: 'by_domain' }, [expect.stringContaining('column id is of type domain_id')]],
  ['beside a dropped parent', { table: 'dropped' }, ['types.message.parents.task: there is no column task_id']],
  ['of a system column', { id: 'ctid' }, ['types.message.id: there is no column ctid']],
  ['in another case', { id: 'ID' }, ['types.message.id: there is no column ID']],
  ['in a schema that is not there', { table: 'nowhere.plain' }, [expect.stringContaining('there is no table')]],
])('an id that is %s is refused', async (_, source, problems) => {
  await expect(parentsOf(source).check(BOUNDS)).rejects.toMatchObject({ name: 'SourceProblemsError', problems });
});

test('a unique index that includes other columns is enough', async () => {
  const parents = parentsOf({ table: 'with_include' });
  await parents.check(BOUNDS);
  expect(await parents.lookup([messageKey('m')], callContext())).toEqual([found('task-1')]);
});

test('an id and a name that the role may not read are both named', async () => {
  await expect(parentsOf({ table: 'guarded', name: 'name' }, limited).check(BOUNDS)).rejects.toMatchObject({
    problems: [
      'types.message.id: the database role may not read column id',
      'types.message.name: the database role may not read column name',
    ],
  });
});

test('a database that was put right is believed at the next check', async () => {
  const parents = parentsOf({ table: 'put_right' });
  await expect(parents.check(BOUNDS)).rejects.toMatchObject({ name: 'SourceProblemsError' });
  expect(await parents.lookup([messageKey('m')], callContext())).toMatchObject([{ kind: 'failed' }]);
  await execute(
    database.url,
    "CREATE TABLE put_right (id text PRIMARY KEY, task_id text); INSERT INTO put_right VALUES ('m', 'task-1')",
  );
  await parents.check(BOUNDS);
  expect(await parents.lookup([messageKey('m')], callContext())).toEqual([found('task-1')]);
});

test('a column whose collation folds case finds an id by its own spelling only', async () => {
  const parents = parentsOf({ table: 'folded' });
  const spellings = ['ABC', 'Abc', 'abc'].map(messageKey);
  expect(await parents.lookup(spellings, callContext())).toEqual([ABSENT, found('task-1'), ABSENT]);
  expect(await parents.lookup([messageKey('abc')], callContext())).toEqual([ABSENT]);
});
