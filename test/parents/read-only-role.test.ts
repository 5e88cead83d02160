import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { ParentKey } from '../../src/authorize/ports.ts';
import { DEFAULT_TYPES } from '../../src/config/default-types.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import { createPostgresParents } from '../../src/parents/postgres-parents.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import { confirmRowSources } from '../../src/parents/row-queries.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { expectValid, load } from '../config/support.ts';
import { callContext } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import { found, SILENT } from './fixtures.ts';

const BOUNDS = { signal: new AbortController().signal, timeoutMs: 5_000 };
/** Role names are the server's, not the database's. */
const ROLE = `role_${randomUUID().replaceAll('-', '')}`;
const RECONCILE_ROLE = `${ROLE}_reconcile`;

/** One row of every default source, by every key and parent that the source has. */
const CASES: readonly (readonly [ParentKey, string])[] = [
  [{ type: 'task', by: 'name', value: 'quarterly-report', parentType: 'task' }, 'task-1'],
  [{ type: 'agent', by: 'name', value: 'report-writer', parentType: 'agent' }, 'agent-1'],
  [{ type: 'message', by: 'id', value: 'msg-1', parentType: 'task' }, 'task-1'],
  [{ type: 'state', by: 'id', value: 'state-1', parentType: 'task' }, 'task-1'],
  [{ type: 'tracker', by: 'id', value: 'tracker-1', parentType: 'task' }, 'task-1'],
  [{ type: 'event', by: 'id', value: 'event-1', parentType: 'agent' }, 'agent-1'],
  [{ type: 'event', by: 'id', value: 'event-1', parentType: 'task' }, 'task-1'],
];

const sources = Object.entries(DEFAULT_TYPES).flatMap(([type, { table, id, name, parents = {} }]) =>
  table === undefined || id === undefined || (name === undefined && Object.keys(parents).length === 0)
    ? []
    : [{ type, table, id, parents, ...(name === undefined ? {} : { name }) }],
);

function open(role: string): Sql {
  const url = new URL(database.url);
  url.username = role;
  return createPostgresSql({
    url: url.href,
    poolSize: 1,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
}

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
  const script = await readFile(new URL('../../deploy/postgres/read-only-role.sql', import.meta.url), 'utf8');
  await execute(database.url, script.replaceAll(/\btaskgate(?=_reconcile\b|\b)/g, ROLE).replaceAll(/--.*$/gm, ''));
  sql = open(ROLE);
});
afterAll(async () => {
  await sql.close();
  await execute(database.url, `DROP OWNED BY ${ROLE}, ${RECONCILE_ROLE}; DROP ROLE ${ROLE}, ${RECONCILE_ROLE}`);
  await database[Symbol.asyncDispose]();
});

test('the deployed role answers every key of every default source', async () => {
  const asked = new Set(CASES.map(([{ type, by, parentType }]) => `${type} by ${by} to ${parentType}`));
  const offered = sources.flatMap(({ type, name, parents }) => [
    ...(name === undefined ? [] : [`${type} by name to ${type}`]),
    ...Object.keys(parents).map((parentType) => `${type} by id to ${parentType}`),
  ]);
  expect(asked).toEqual(new Set(offered));

  const parents = createPostgresParents(
    { sql, sources, observer: SILENT },
    { timeoutMs: 5_000, maxBatchSize: 100, maxConcurrentBatches: 1 },
  );
  await parents.check(BOUNDS);
  const results = await parents.lookup(
    CASES.map(([key]) => key),
    callContext(),
  );
  expect(results).toEqual(CASES.map(([, id]) => found(id)));
});

test.each([
  'SELECT content FROM messages',
  'SELECT * FROM messages',
  'SELECT state FROM states',
  'SELECT task_metadata FROM tasks',
  'SELECT checkpoint FROM checkpoints',
  "UPDATE messages SET task_id = 'task-9'",
  "INSERT INTO messages (id, task_id) VALUES ('m', 'task-9')",
  'DELETE FROM messages',
])('the deployed role may not %s', async (text) => {
  // 42501: insufficient privilege; 25006: read-only transaction.
  await expect(sql.query(text, [], BOUNDS)).rejects.toMatchObject({
    name: 'UnavailableError',
    cause: { code: expect.stringMatching(/^(?:42501|25006)$/) },
  });
});

test('the deployed role of reconcile reads what the commented configuration names, and no more', async () => {
  const example = await readFile(new URL('../../deploy/taskgate.yaml', import.meta.url), 'utf8');
  const yaml = example.replaceAll(/^( *)#(?=(?:rows|owner|account|parent|where):)/gm, '$1');
  const { sources: configured } = expectValid(load({ yaml }));
  const registered = configured.filter(
    (source) => source.kind === 'postgres' && Object.keys(source.parents).length === 0,
  );
  const rowSources = registered.flatMap((source) => (source.kind === 'postgres' ? [source] : []));
  expect(rowSources.filter(({ rows }) => rows !== undefined).map(({ type }) => type)).toEqual(['task', 'agent']);
  const reconcile = open(RECONCILE_ROLE);
  try {
    expect([...(await confirmRowSources(reconcile, rowSources, BOUNDS)).keys()].toSorted()).toEqual([
      'agent',
      'api_key',
      'schedule',
      'task',
    ]);
    for (const text of ['SELECT name FROM tasks', 'SELECT id FROM messages', 'DELETE FROM tasks']) {
      await expect(reconcile.query(text, [], BOUNDS)).rejects.toMatchObject({ name: 'UnavailableError' });
    }
  } finally {
    await reconcile.close();
  }
});
