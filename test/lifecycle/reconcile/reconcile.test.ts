import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Relationship } from '../../../src/authorize/ports.ts';
import { registerSentinels } from '../../../src/lifecycle/register-sentinels.ts';
import type { ReconcileStores } from '../../support/reconcile.ts';
import { driftOf, resource, startReconcileStores, typeReport } from '../../support/reconcile.ts';
import type { SpiceDbEngine } from '../../support/spicedb.ts';
import { callContext, SPICEDB_ENGINES } from '../../support/spicedb.ts';

const ROWS = `
  INSERT INTO agents (id, name, account_id, created_by) VALUES ('agent-1', 'agent', 'acme', 'alice');
  INSERT INTO tasks (id, account_id, agent_id, task_metadata) VALUES
    ('task-1', 'acme', 'agent-1', '{"created_by_user_id": "alice"}'),
    ('eve@example.com/1.5', 'acme', 'agent-1', '{"created_by_user_id": "eve@example.com"}');`;

describe.each(SPICEDB_ENGINES)('reconcile on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  let stores: ReconcileStores;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());
  beforeEach(async () => {
    stores = await startReconcileStores(engine);
    await stores.sql(ROWS);
    await stores.register('agent', 'agent-1');
    await stores.register('task', 'task-1', { parentId: 'agent-1' });
    await stores.register('task', 'eve@example.com/1.5', { parentId: 'agent-1', owner: 'eve@example.com' });
  });
  afterEach(async () => stores[Symbol.asyncDispose]());

  function role(id: string, relation: string, user = 'bob'): Relationship {
    return { object: resource('task', id), relation, subject: { kind: 'principal', principalKind: 'user', id: user } };
  }

  /** Repairs, and expects that nothing is left to be found. */
  async function repair() {
    const before = await stores.graph();
    const dry = await stores.run();
    expect(await stores.graph()).toEqual(before);
    const applied = await stores.run({ apply: true });
    for (const { type } of dry.types) expect(driftOf(applied, type)).toEqual(driftOf(dry, type));
    return { dry, applied, again: await stores.run() };
  }

  test('finds nothing where nothing differs, sentinels included', async () => {
    const { relationships, writer } = stores.chain;
    const types = [...stores.registrations.values()];
    await registerSentinels({ relationships, writer }, { types, count: 8 }, callContext());
    const before = await stores.graph();
    const report = await stores.run({ apply: true });
    expect(report.result).toBe('clean');
    expect(typeReport(report, 'task')).toMatchObject({ resources: 2, rows: 2, status: 'checked', items: [] });
    expect(typeReport(report, 'agent')).toMatchObject({ resources: 1, rows: 1 });
    expect(await stores.graph()).toEqual(before);
  });

  test('removes orphans: whole ones, fragments, and ones that only others name', async () => {
    const clean = await stores.graph();
    await stores.register('task', 'gone@example.com', { parentId: 'agent-1' });
    await stores.register('agent', 'agent-gone');
    await stores.chain.writer.touch([role('fragment', 'viewer'), role('gone@example.com', 'editor')], callContext());
    const named: Relationship = {
      object: resource('task', 'task-1'),
      relation: 'viewer',
      subject: { kind: 'principal', principalKind: 'agent', id: 'agent-never' },
    };
    await stores.chain.writer.touch([named], callContext());
    const { dry, applied, again } = await repair();
    expect([dry.result, applied.result, again.result]).toEqual(['drift', 'clean', 'clean']);
    expect(driftOf(dry, 'task')).toEqual(['orphan fragment', 'orphan gone@example.com']);
    expect(driftOf(dry, 'agent')).toEqual(['orphan agent-gone', 'orphan agent-never']);
    expect(typeReport(applied, 'task').drift.orphan).toEqual({ found: 2, repaired: 2 });
    expect(await stores.graph()).toEqual(clean);
  });

  test('a row that does not match the condition is gone', async () => {
    await stores.sql(`UPDATE tasks SET deleted_at = now() WHERE id = 'task-1'`);
    const { dry, again } = await repair();
    expect(driftOf(dry, 'task')).toEqual(['orphan task-1']);
    expect(again.result).toBe('clean');
  });

  test('registers rows that nobody registered, with owner, account and parent', async () => {
    await stores.sql(`
      INSERT INTO agents (id, name, account_id, created_by) VALUES ('new.agent', 'new', 'new co', 'zoe@example.com');
      INSERT INTO tasks (id, account_id, agent_id, created_by_service, task_metadata) VALUES
        ('new-1', 'acme', 'agent-1', 'robot', '{}'),
        ('new 2', 'new co', NULL, 'robot', '{"created_by_user_id": "zoe@example.com"}')`);
    const before = await stores.graph();
    const { dry, applied, again } = await repair();
    expect([dry.result, applied.result, again.result]).toEqual(['drift', 'clean', 'clean']);
    expect(driftOf(dry, 'task')).toEqual(['unregistered new 2', 'unregistered new-1']);
    expect((await stores.graph()).filter((line) => !before.includes(line))).toEqual([
      'agent:new.agent#owner@user:zoe@example.com',
      'agent:new.agent#tenant@tenant:new co',
      'task:new 2#owner@user:zoe@example.com',
      'task:new 2#tenant@tenant:new co',
      'task:new-1#owner@service_account:robot',
      'task:new-1#parent@agent:agent-1',
      'task:new-1#tenant@tenant:acme',
    ]);
    // The account was new too: its gate is open.
    const check = {
      object: resource('task', 'new 2'),
      permission: 'read',
      principal: { kind: 'user', id: 'zoe@example.com', account: 'new co' },
    } as const;
    const { results } = await stores.chain.relationships.check([check], { kind: 'fully_consistent' }, callContext());
    expect(results).toEqual([{ kind: 'held' }]);
  });

  test('registers a row whose parent is gone without it, so that the next run finds nothing', async () => {
    await stores.sql(`INSERT INTO tasks (id, account_id, agent_id, task_metadata)
      VALUES ('child', 'acme', 'agent-gone', '{"created_by_user_id": "alice"}')`);
    const before = await stores.graph();
    const { applied, again } = await repair();
    expect([applied.result, again.result]).toEqual(['clean', 'clean']);
    expect((await stores.graph()).filter((line) => !before.includes(line))).toEqual([
      'task:child#owner@user:alice',
      'task:child#tenant@tenant:acme',
    ]);
  });

  test('reports and leaves alone what it would have to guess', async () => {
    await stores.sql(`INSERT INTO tasks (id, account_id, agent_id, task_metadata) VALUES
      ('other-account', 'acme', 'agent-1', '{"created_by_user_id": "alice"}'),
      ('no-tie', 'acme', 'agent-1', '{"created_by_user_id": "alice"}'),
      ('no-owner', 'acme', 'agent-1', '{}'),
      ('no-account', NULL, 'agent-1', '{"created_by_user_id": "alice"}'),
      ('', 'acme', NULL, '{"created_by_user_id": "alice"}'),
      ('bad-owner', 'acme', NULL, '{"created_by_user_id": "${'é'.repeat(400)}"}'),
      ('${'long'.repeat(300)}', 'acme', NULL, '{"created_by_user_id": "alice"}')`);
    await stores.register('task', 'other-account', { account: 'globex', parentId: 'agent-1' });
    await stores.chain.writer.touch([role('no-tie', 'owner', 'mallory')], callContext());
    const before = await stores.graph();
    const { dry, applied, again } = await repair();
    expect([dry.result, applied.result, again.result]).toEqual(['drift', 'drift', 'drift']);
    expect(driftOf(applied, 'task')).toEqual([
      'incomplete no-account',
      'incomplete no-owner',
      'mismatched no-tie',
      'mismatched other-account',
      'unusable ',
      'unusable bad-owner',
      `unusable ${'long'.repeat(300)}`,
    ]);
    expect(await stores.graph()).toEqual(before);
  });

  test.each([true, false])(
    'keeps what was being registered in the first pass and has its row in the second (apply: %s)',
    async (apply) => {
      await stores.register('task', 'in-flight', { parentId: 'agent-1' });
      await stores.register('task', 'orphan', { parentId: 'agent-1' });
      const before = await stores.graph();
      const waits: number[] = [];
      const report = await stores.run({
        apply,
        graceMs: 60_000,
        deps: {
          wait: async (ms) => {
            if (waits.length === 0) {
              await stores.sql(`INSERT INTO tasks (id, account_id, agent_id, task_metadata)
              VALUES ('in-flight', 'acme', 'agent-1', '{"created_by_user_id": "alice"}')`);
            }
            waits.push(ms);
          },
        },
      });
      expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(59_000);
      expect(driftOf(report, 'task')).toEqual(['orphan orphan']);
      const kept = before.filter((line) => !apply || !line.startsWith('task:orphan#'));
      expect(await stores.graph()).toEqual(kept);
    },
  );

  test('keeps what gets its row between the confirmation and the removal', async () => {
    await stores.register('task', 'late', { parentId: 'agent-1' });
    const before = await stores.graph();
    const { reader } = stores.chain;
    const report = await stores.run({
      apply: true,
      deps: {
        reader: {
          ...reader,
          exists: async (pattern, context) => {
            await stores.sql(`INSERT INTO tasks (id, account_id, agent_id, task_metadata)
              VALUES ('late', 'acme', 'agent-1', '{"created_by_user_id": "alice"}') ON CONFLICT DO NOTHING`);
            return reader.exists(pattern, context);
          },
        },
        writer: {
          ...stores.chain.writer,
          removeAll: async () => {
            throw new Error('removed what has a row');
          },
        },
      },
    });
    expect([report.result, driftOf(report, 'task')]).toEqual(['clean', []]);
    expect(await stores.graph()).toEqual(before);
  });

  test('counts nothing that was deregistered between the passes', async () => {
    await stores.chain.writer.touch([role('in-flight', 'owner')], callContext());
    const report = await stores.run({
      graceMs: 60_000,
      deps: {
        wait: async () => {
          await stores.chain.writer.removeAll({ object: resource('task', 'in-flight') }, {}, callContext());
        },
      },
    });
    expect(report.result).toBe('clean');
  });

  test('registers again a row that comes while its relationships are removed', async () => {
    await stores.register('task', 'late', { parentId: 'agent-1' });
    const before = await stores.graph();
    const writer = {
      ...stores.chain.writer,
      removeAll: async (...args: Parameters<typeof stores.chain.writer.removeAll>) => {
        await stores.sql(`INSERT INTO tasks (id, account_id, agent_id, task_metadata)
          VALUES ('late', 'acme', 'agent-1', '{"created_by_user_id": "alice"}') ON CONFLICT DO NOTHING`);
        return stores.chain.writer.removeAll(...args);
      },
    };
    const report = await stores.run({ apply: true, deps: { writer } });
    expect(driftOf(report, 'task')).toEqual(['orphan late', 'unregistered late']);
    expect(report.result).toBe('clean');
    expect(await stores.graph()).toEqual(before);
  });

  test('takes back a registration whose row was deleted and deregistered just before', async () => {
    await stores.sql(`INSERT INTO tasks (id, account_id, task_metadata)
      VALUES ('short-lived', 'acme', '{"created_by_user_id": "alice"}')`);
    const before = await stores.graph();
    const writer = {
      ...stores.chain.writer,
      write: async (...args: Parameters<typeof stores.chain.writer.write>) => {
        await stores.sql(`DELETE FROM tasks WHERE id = 'short-lived'`);
        return stores.chain.writer.write(...args);
      },
    };
    const report = await stores.run({ apply: true, deps: { writer } });
    expect(report.result).toBe('clean');
    expect(driftOf(report, 'task')).toEqual([]);
    expect(await stores.graph()).toEqual(before);
  });

  test('prunes nothing while the table is empty, or has far fewer rows than last time', async () => {
    for (const [script, rowsBefore, reason] of [
      ['DELETE FROM tasks', {}, 'the table is empty: nothing is pruned'],
      [
        `DELETE FROM tasks WHERE id = 'task-1'`,
        { task: 3 },
        'the table has 1 rows and had 3 last time: nothing is pruned',
      ],
    ] as const) {
      await stores.sql(`DELETE FROM tasks; DELETE FROM agents; ${ROWS} ${script}`);
      const before = await stores.graph();
      const report = await stores.run({ apply: true, rowsBefore });
      expect(report.result).toBe('unknown');
      expect(typeReport(report, 'task')).toMatchObject({ status: 'not_pruned', reason });
      expect(typeReport(report, 'task').drift.orphan.found).toBeGreaterThan(0);
      expect(typeReport(report, 'agent').status).toBe('checked');
      expect(await stores.graph()).toEqual(before);
    }
    const report = await stores.run({ apply: true, rowsBefore: { task: 3 }, minRowsShare: 0 });
    expect(report.result).toBe('clean');
  });

  test.each([
    [{ kind: 'count', count: 11 }, 'not_pruned'],
    [{ kind: 'count', count: 12 }, 'checked'],
    [{ kind: 'share', share: 0.5 }, 'not_pruned'],
    [{ kind: 'share', share: 0.9 }, 'checked'],
  ] as const)('prunes all or nothing under the limit %j', async (limit, status) => {
    for (let n = 0; n < 12; n += 1) await stores.register('task', `gone-${n}`);
    const before = await stores.graph();
    const report = await stores.run({ apply: true, pruneLimits: [{ kind: 'count', count: 1_000 }, limit] });
    expect(typeReport(report, 'task')).toMatchObject({
      status,
      drift: { orphan: { found: 12, repaired: status === 'checked' ? 12 : 0 } },
    });
    expect(report.result).toBe(status === 'checked' ? 'clean' : 'unknown');
    if (status === 'not_pruned') expect(await stores.graph()).toEqual(before);
    else expect((await stores.graph()).join()).not.toContain('gone-');
  });

  test('lets a handful go, whatever share of all they are', async () => {
    for (let n = 0; n < 10; n += 1) await stores.register('task', `gone-${n}`);
    const report = await stores.run({ apply: true, pruneLimits: [{ kind: 'share', share: 0.05 }] });
    expect(report.result).toBe('clean');
  });

  test('walks more than one page of both sides, and finds each difference once', async () => {
    await stores.sql(`INSERT INTO tasks (id, account_id, task_metadata)
      SELECT 'many-' || n, 'acme', '{"created_by_user_id": "alice"}' FROM generate_series(1, 2600) n`);
    const filled = await stores.run({ apply: true, side: 'rows' });
    expect(filled).toMatchObject({ command: 'backfill', result: 'clean' });
    expect(typeReport(filled, 'task')).toMatchObject({
      rows: 2602,
      drift: { unregistered: { found: 2600, repaired: 2600 } },
    });
    await stores.sql(`DELETE FROM tasks WHERE id IN ('many-1', 'many-999', 'many-2600')`);
    const { dry, again } = await repair();
    expect(driftOf(dry, 'task')).toEqual(['orphan many-1', 'orphan many-2600', 'orphan many-999']);
    expect(typeReport(dry, 'task')).toMatchObject({ resources: 2602, rows: 2599 });
    expect(again.result).toBe('clean');
  }, 60_000);
});
