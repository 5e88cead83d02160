import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CancelledError, UnavailableError } from '../../src/domain/errors.ts';
import { startEmbeddedDatabase } from '../../src/embedded/embedded-database.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { Sql } from '../../src/parents/sql.ts';

const WITHIN = { signal: new AbortController().signal, timeoutMs: 10_000 };

describe('an embedded database', () => {
  let database: Sql;
  beforeAll(async () => {
    const setup = [loadSampleTables(), loadSampleRows()];
    // Twice: setting up what is there changes nothing.
    database = await startEmbeddedDatabase({ setup: [...setup, ...setup] });
  });
  afterAll(async () => database.close());

  test.each([
    { table: 'messages', id: 'id', parent: 'task_id', child: 'msg-1', parentId: 'task-1' },
    { table: 'messages', id: 'id', parent: 'task_id', child: 'msg-5', parentId: 'task-5' },
    { table: 'messages', id: 'id', parent: 'task_id', child: 'msg-9', parentId: 'task-9' },
    { table: 'messages', id: 'id', parent: 'task_id', child: 'msg-orphan', parentId: 'task-gone' },
    { table: 'states', id: 'id', parent: 'task_id', child: 'state-1', parentId: 'task-1' },
    { table: 'agent_task_tracker', id: 'id', parent: 'task_id', child: 'tracker-1', parentId: 'task-1' },
    { table: 'events', id: 'id', parent: 'agent_id', child: 'event-1', parentId: 'agent-1' },
    { table: 'tasks', id: 'name', parent: 'id', child: 'quarterly-report', parentId: 'task-1' },
    { table: 'checkpoints', id: 'thread_id', parent: 'thread_id', child: 'task-1', parentId: 'task-1' },
  ])('holds the sample row $child of $table', async ({ table, id, parent, child, parentId }) => {
    const text = `SELECT ${id} AS child, ${parent} AS parent FROM ${table} WHERE ${id} = ANY($1)`;
    const rows = await database.query(text, [[child, 'no-such-row']], WITHIN);
    expect(rows).toEqual([{ child, parent: parentId }]);
  });

  test('does not hold the task that is gone', async () => {
    expect(await database.query('SELECT id FROM tasks WHERE id = $1', ['task-gone'], WITHIN)).toEqual([]);
  });

  test('rejects what Postgres refuses, and goes on', async () => {
    await expect(database.query('SELECT no_such_column FROM tasks', [], WITHIN)).rejects.toBeInstanceOf(
      UnavailableError,
    );
    expect(await database.query('SELECT 1 AS one', [], WITHIN)).toEqual([{ one: 1 }]);
  });

  test('ends the wait with its signal', async () => {
    const reason = new CancelledError();
    const aborted = { ...WITHIN, signal: AbortSignal.abort(reason) };
    await expect(database.query('SELECT 1', [], aborted)).rejects.toBe(reason);

    const controller = new AbortController();
    const leaving = database.query('SELECT 1', [], { ...WITHIN, signal: controller.signal });
    controller.abort(reason);
    await expect(leaving).rejects.toBe(reason);
  });
});
