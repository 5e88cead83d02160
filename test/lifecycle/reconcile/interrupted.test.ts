import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RegisteredRows, RelationshipWriter } from '../../../src/authorize/ports-lifecycle.ts';
import { DeadlineExceededError, FailedPreconditionError, UnavailableError } from '../../../src/domain/errors.ts';
import type { ReconcileType } from '../../../src/lifecycle/reconcile/engine.ts';
import type { RunState } from '../../../src/lifecycle/reconcile/run-state.ts';
import { createRun, parseState, serializeState } from '../../../src/lifecycle/reconcile/run-state.ts';
import type { ReconcileStores } from '../../support/reconcile.ts';
import { driftOf, resource, startReconcileStores, typeReport } from '../../support/reconcile.ts';
import type { SpiceDbEngine } from '../../support/spicedb.ts';
import { callContext, SPICEDB_ENGINES } from '../../support/spicedb.ts';

const TASKS = `
  INSERT INTO agents (id, name, account_id, created_by) VALUES ('agent-1', 'agent', 'acme', 'alice');
  INSERT INTO tasks (id, account_id, agent_id, task_metadata)
    SELECT id, 'acme', 'agent-1', '{"created_by_user_id": "alice"}' FROM unnest(ARRAY['task-1', 'new-1', 'new-2']) id;
  INSERT INTO tasks (id, account_id, task_metadata) VALUES ('no-owner', 'acme', '{}');`;
const DRIFT = ['incomplete no-owner', 'orphan gone-1', 'orphan gone-2', 'unregistered new-1', 'unregistered new-2'];

let engine: SpiceDbEngine;
let stores: ReconcileStores;
/** What is right in the end. */
let repaired: readonly string[];
beforeAll(async () => {
  const fastest = SPICEDB_ENGINES.at(-1);
  if (fastest === undefined) throw new Error('no engine');
  engine = await fastest.start();
});
afterAll(async () => engine.close());
beforeEach(async () => {
  stores = await startReconcileStores(engine);
  await stores.sql(TASKS);
  for (const id of ['task-1', 'new-1', 'new-2']) await stores.register('task', id, { parentId: 'agent-1' });
  await stores.register('agent', 'agent-1');
  repaired = await stores.graph();
});
afterEach(async () => stores[Symbol.asyncDispose]());

/** Makes every kind of drift anew. */
async function makeDrift(): Promise<void> {
  for (const id of ['new-1', 'new-2']) {
    await stores.chain.writer.removeAll({ object: resource('task', id) }, {}, callContext());
  }
  for (const id of ['gone-1', 'gone-2']) await stores.register('task', id, { parentId: 'agent-1' });
}

/** As a new process would find it. */
function reread(run: RunState): RunState {
  const text = serializeState({ version: 1, fingerprint: '', rows: {}, run });
  const parsed = parseState(text)?.run;
  if (parsed === undefined) throw new Error(`not read again: ${text}`);
  return parsed;
}

function newRun(): RunState {
  return createRun(['task', 'agent'], {
    startedAtMs: Date.now(),
    apply: true,
    position: { step: 'relationships', type: 'task' },
  });
}

test.each([true, false])(
  'a run that is stopped after every page reports what an unbroken one does (apply: %s)',
  async (apply) => {
    // More than a page of each side.
    await stores.sql(`INSERT INTO tasks (id, account_id, task_metadata)
      SELECT 'more-' || n, 'acme', '{"created_by_user_id": "alice"}' FROM generate_series(1, 600) n`);
    const filled = await stores.run({ apply: true, side: 'rows' });
    expect(typeReport(filled, 'task')).toMatchObject({ status: 'checked', drift: { unregistered: { repaired: 600 } } });
    repaired = await stores.graph();
    expect(repaired).toHaveLength(2 * 600 + 11);
    await makeDrift();
    let run = { ...newRun(), apply };
    let stops = 0;
    for (;;) {
      const stop = new AbortController();
      const report = await stores.run({
        apply,
        run,
        pageSize: 100,
        signal: stop.signal,
        deps: { checkpoint: async () => stop.abort() },
      });
      run = { ...reread(run), apply };
      if (!report.stopped) {
        expect(driftOf(report, 'task')).toEqual(DRIFT);
        expect(report.result).toBe('drift');
        expect(typeReport(report, 'task')).toMatchObject({
          resources: 603,
          rows: 604,
          drift: { orphan: { found: 2, repaired: apply ? 2 : 0 }, unregistered: { found: 2, repaired: apply ? 2 : 0 } },
        });
        break;
      }
      expect(report.result).toBe('unknown');
      stops += 1;
      expect(stops).toBeLessThan(30);
    }
    expect(stops).toBeGreaterThan(8);
    if (apply) expect(await stores.graph()).toEqual(repaired);
  },
);

/** Calls of the stores, of which the `at`-th and all later ones never come back: the process is gone. */
function dieAt(at: number) {
  let calls = 0;
  const check = (): void => {
    calls += 1;
    if (calls >= at) throw new DeadlineExceededError();
  };
  return {
    check,
    get calls() {
      return calls;
    },
    rows: (inner: RegisteredRows): RegisteredRows => ({
      count: async (context) => (check(), inner.count(context)),
      page: async (after, limit, context) => (check(), inner.page(after, limit, context)),
      present: async (ids, context) => (check(), inner.present(ids, context)),
    }),
    writer: (inner: RelationshipWriter): RelationshipWriter => ({
      touch: async (relationships, context) => (check(), inner.touch(relationships, context)),
      write: async (change, context) => (check(), inner.write(change, context)),
      removeAll: async (pattern, conditions, context) => (check(), inner.removeAll(pattern, conditions, context)),
    }),
  };
}

test('a process that dies at any call, and is run again, converges; and loses nothing on the way', async () => {
  let deaths = 0;
  for (let at = 1; ; at += 1) {
    await makeDrift();
    const dying = dieAt(at);
    let kept = newRun();
    const run = newRun();
    const types = stores.types.map((type): ReconcileType => ({
      ...type,
      rows: type.rows === undefined ? undefined : dying.rows(type.rows),
    }));
    const first = await stores.run({
      apply: true,
      run,
      types,
      deps: {
        writer: dying.writer(stores.chain.writer),
        checkpoint: async (current) => {
          if (dying.calls < at) kept = reread(current);
        },
      },
    });
    const lost = repaired.filter((line) => /task-1|agent:agent-1#/.test(line));
    expect(await stores.graph()).toEqual(expect.arrayContaining(lost));
    if (dying.calls < at) {
      expect(first.result).toBe('drift');
      break;
    }
    deaths += 1;
    expect(first.result).toBe('unknown');
    const again = await stores.run({ apply: true, run: kept });
    expect(again.result).toBe('drift');
    expect(await stores.graph()).toEqual(repaired);
  }
  expect(deaths).toBeGreaterThan(15);
}, 120_000);

const FAULTS: readonly (readonly [string, (inner: RegisteredRows) => Partial<RegisteredRows>])[] = [
  ['fails to count', () => ({ count: async () => Promise.reject(new UnavailableError('database')) })],
  ['fails to tell', () => ({ present: async () => Promise.reject(new UnavailableError('database')) })],
  ['is too slow to tell', () => ({ present: async () => Promise.reject(new DeadlineExceededError()) })],
  [
    'fails in the first pass only',
    (inner) => {
      let calls = 0;
      return {
        present: async (ids, context) => {
          calls += 1;
          if (calls === 1) throw new DeadlineExceededError();
          return inner.present(ids, context);
        },
      };
    },
  ],
  [
    'fails in the second pass only',
    (inner) => {
      let calls = 0;
      return {
        present: async (ids, context) => {
          calls += 1;
          if (calls > 1) throw new UnavailableError('database', { cause: new Error('malformed') });
          return inner.present(ids, context);
        },
      };
    },
  ],
];

test.each(FAULTS)('a source that %s never prunes, and the other types go on', async (_, broken) => {
  await makeDrift();
  await stores.register('agent', 'agent-gone');
  const before = await stores.graph();
  const types = stores.types.map((type): ReconcileType => {
    if (type.registration.type !== 'task' || type.rows === undefined) return type;
    return { ...type, rows: { ...type.rows, ...broken(type.rows) } };
  });
  const report = await stores.run({ apply: true, types });
  expect(report.result).toBe('unknown');
  expect(typeReport(report, 'task')).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('could not be'),
  });
  expect(typeReport(report, 'agent')).toMatchObject({
    status: 'checked',
    drift: { orphan: { found: 1, repaired: 1 } },
  });
  expect(await stores.graph()).toEqual(before.filter((line) => !line.includes('agent-gone')));
});

test('a source that is away for a moment is asked again', async () => {
  await makeDrift();
  const away = new Set<string>();
  const once = (name: string): void => {
    if (away.has(name)) return;
    away.add(name);
    throw new UnavailableError('database');
  };
  const types = stores.types.map((type): ReconcileType => {
    const { rows } = type;
    if (rows === undefined) return type;
    const flaky: RegisteredRows = {
      count: async (context) => (once('count'), rows.count(context)),
      page: async (after, limit, context) => (once('page'), rows.page(after, limit, context)),
      present: async (ids, context) => (once('present'), rows.present(ids, context)),
    };
    return { ...type, rows: flaky };
  });
  const report = await stores.run({ apply: true, types });
  expect(away.size).toBe(3);
  expect(driftOf(report, 'task')).toEqual(DRIFT);
  expect(await stores.graph()).toEqual(repaired);
});

test('a scan whose revision is gone begins anew, and counts each resource once', async () => {
  await makeDrift();
  const run = newRun();
  run.position = { step: 'relationships', type: 'task', cursor: 'gone', lastId: 'task-1' };
  const task = run.types['task'];
  if (task === undefined) throw new Error('no task');
  task.resources = 2;
  const { reader } = stores.chain;
  const report = await stores.run({
    apply: true,
    run,
    deps: {
      reader: {
        ...reader,
        scan: async (type, cursor, context) => {
          if (cursor === 'gone') throw new FailedPreconditionError('gone');
          return reader.scan(type, cursor, context);
        },
      },
    },
  });
  expect(typeReport(report, 'task').resources).toBe(3);
  expect(await stores.graph()).toEqual(repaired);
});
