import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ReconcileReport } from '../../src/lifecycle/reconcile/report.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { findOnPath } from '../support/find-on-path.ts';
import type { ReconcileStores } from '../support/reconcile.ts';
import { driftOf, resource, startReconcileStores, typeReport } from '../support/reconcile.ts';
import { RECONCILE_YAML } from '../support/reconcile-yaml.ts';
import { callContext, SPICEDB_ENGINES } from '../support/spicedb.ts';
import { runTaskgate, spawnTaskgate } from '../support/taskgate-process.ts';

const CANARY = 'canary-password';
const opened = new AsyncDisposableStack();
let stores: ReconcileStores;
let spicedb: FaultProxy;
let database: FaultProxy;
let directory: string;
let env: Record<string, string>;

beforeAll(async () => {
  // The embedded engine listens on a socket only; the proxy makes it a server.
  const engine = await SPICEDB_ENGINES[0]?.start();
  if (engine === undefined) throw new Error('no engine');
  const openStore = async (schema: string) => {
    const store = await engine.openStore(schema);
    spicedb = opened.use(await startFaultProxy({ path: store.options.endpoint.replace('unix:', '') }));
    return store;
  };
  stores = opened.use(await startReconcileStores({ ...engine, openStore }));
  const url = new URL(stores.databaseUrl);
  database = opened.use(await startFaultProxy({ host: url.hostname, port: Number(url.port) }));
  url.host = database.address;
  url.password = CANARY;
  directory = await mkdtemp(join(tmpdir(), 'taskgate-reconcile-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  await writeFile(path('taskgate.yaml'), RECONCILE_YAML);
  env = {
    TASKGATE_CONFIG: path('taskgate.yaml'),
    TASKGATE_SPICEDB_ENDPOINT: spicedb.address,
    TASKGATE_SPICEDB_TOKEN: 'canary-token',
    TASKGATE_DATABASE_URL: url.href,
  };
});
afterAll(async () => opened.disposeAsync());

/** One orphan, one row that nobody registered, and three tasks that are right. */
beforeEach(async () => {
  await spicedb.setMode('ok');
  await database.setMode('ok');
  for (const name of await readdir(directory)) if (name !== 'taskgate.yaml') await rm(path(name));
  for (const id of ['ok-1', 'ok-2', 'ok-3', 'new-1', 'gone-1']) {
    await stores.chain.writer.removeAll({ object: resource('task', id) }, {}, callContext());
  }
  await stores.sql(`DELETE FROM tasks;
    INSERT INTO tasks (id, account_id, task_metadata) SELECT id, 'acme', '{"created_by_user_id": "alice"}'
      FROM unnest(ARRAY['ok-1', 'ok-2', 'ok-3', 'new-1']) id`);
  for (const id of ['ok-1', 'ok-2', 'ok-3', 'gone-1']) await stores.register('task', id);
});

function path(name: string): string {
  return join(directory, name);
}

const QUICK = ['--grace', '0', '--type', 'task'];

function parse(stdout: string): ReconcileReport {
  return JSON.parse(stdout) as ReconcileReport;
}

test('says what differs and changes nothing, then repairs it, and then finds nothing', async () => {
  const before = await stores.graph();
  const dry = await runTaskgate(['reconcile', ...QUICK], env);
  expect(dry.exitCode).toBe(1);
  expect(await stores.graph()).toEqual(before);
  expect(parse(dry.stdout)).toEqual({
    version: 1,
    command: 'reconcile',
    apply: false,
    result: 'drift',
    stopped: false,
    started_at: expect.stringMatching(/^\d{4}-.*Z$/),
    ended_at: expect.stringMatching(/^\d{4}-.*Z$/),
    duration_ms: expect.any(Number),
    types: [
      {
        type: 'task',
        status: 'checked',
        resources: 4,
        rows: 4,
        drift: {
          orphan: { found: 1, repaired: 0 },
          unregistered: { found: 1, repaired: 0 },
          mismatched: { found: 0, repaired: 0 },
          incomplete: { found: 0, repaired: 0 },
          unusable: { found: 0, repaired: 0 },
        },
        items: [
          { kind: 'orphan', id: 'gone-1' },
          { kind: 'unregistered', id: 'new-1' },
        ],
        items_omitted: 0,
      },
    ],
  });
  const lines = dry.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { step: 'relationships', type: 'task', done: 4, total: 4, drift: 1, ended: true },
    { step: 'grace', ended: true },
    { step: 'confirm', type: 'task', done: 1, total: 1, drift: 1, ended: true },
    { step: 'rows', type: 'task', done: 4, total: 4, drift: 2, ended: true },
  ]);
  for (const { time } of lines) expect(time).toMatch(/^\d{4}-.*Z$/);

  const applied = await runTaskgate(['reconcile', '--apply', ...QUICK], env);
  expect(applied.exitCode).toBe(0);
  expect(driftOf(parse(applied.stdout), 'task')).toEqual(['orphan gone-1', 'unregistered new-1']);
  expect(await stores.graph()).toEqual(
    [
      ...before.filter((line) => !line.includes('gone-1')),
      'task:new-1#owner@user:alice',
      'task:new-1#tenant@tenant:acme',
    ].toSorted(),
  );
  expect((await runTaskgate(['reconcile', '--apply', ...QUICK], env)).exitCode).toBe(0);
});

test('checks all registered types, those without rows or a table as far as it can', async () => {
  await writeFile(path('all.yaml'), `${RECONCILE_YAML}  schedule: { registered: true }\n`);
  await stores.sql(`INSERT INTO api_keys (id, agent_id) VALUES ('key-1', 'agent-1') ON CONFLICT DO NOTHING`);
  const { exitCode, stdout } = await runTaskgate(['reconcile', '--grace', '0'], {
    ...env,
    TASKGATE_CONFIG: path('all.yaml'),
  });
  expect(exitCode).toBe(1);
  expect(parse(stdout).types).toMatchObject([
    { type: 'task', status: 'checked' },
    { type: 'agent', status: 'checked' },
    { type: 'api_key', status: 'checked', rows: 0, rows_not_checked: 'types.api_key.rows is not configured' },
    { type: 'schedule', status: 'skipped', reason: 'it has no table' },
  ]);
});

test('backfill registers and removes nothing', async () => {
  const before = await stores.graph();
  expect((await runTaskgate(['backfill', '--type', 'task'], env)).exitCode).toBe(1);
  expect(await stores.graph()).toEqual(before);
  const { exitCode, stdout } = await runTaskgate(['backfill', '--type', 'task', '--apply', '--rate', '1000'], env);
  expect(exitCode).toBe(0);
  expect(parse(stdout)).toMatchObject({ command: 'backfill', apply: true, result: 'clean' });
  expect((await stores.graph()).filter((line) => !before.includes(line))).toEqual([
    'task:new-1#owner@user:alice',
    'task:new-1#tenant@tenant:acme',
  ]);
});

test('backfill that can register nothing says so, and is not clean', async () => {
  await writeFile(path('no-rows.yaml'), '');
  const { exitCode, stdout, stderr } = await runTaskgate(['backfill', '--type', 'task'], {
    ...env,
    TASKGATE_CONFIG: path('no-rows.yaml'),
  });
  expect([exitCode, stdout, stderr]).toEqual([
    2,
    '',
    'taskgate: nothing can be registered: say whom rows belong to, in types.task.rows\n',
  ]);
});

test('a role that may not read the rows is told which one may', async () => {
  const url = new URL(env['TASKGATE_DATABASE_URL'] ?? '');
  const database = url.pathname.slice(1);
  url.username = `${database}_serves`;
  await stores.sql(`CREATE ROLE "${url.username}" LOGIN`);
  const { exitCode, stderr } = await runTaskgate(['backfill', '--type', 'task'], {
    ...env,
    TASKGATE_DATABASE_URL: url.href,
  });
  await stores.sql(`DROP ROLE "${url.username}"`);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/types\.task\.id: the database role may not read column id/);
  expect(stderr).toMatch(/TASKGATE_DATABASE_URL must be of a role that may, such as taskgate_reconcile/);
});

test('writes the report and the metrics to files', async () => {
  const files = ['--report', path('report.json'), '--metrics', path('taskgate.prom')];
  const { exitCode, stdout } = await runTaskgate(['reconcile', '--apply', ...QUICK, ...files], env);
  expect([exitCode, stdout]).toEqual([0, '']);
  expect(parse(await readFile(path('report.json'), 'utf8')).result).toBe('clean');
  const metrics = (await readFile(path('taskgate.prom'), 'utf8')).split('\n');
  expect(metrics).toEqual(
    expect.arrayContaining([
      '# TYPE taskgate_reconcile_drift gauge',
      'taskgate_reconcile_drift{type="task",kind="orphan",command="reconcile"} 0',
      'taskgate_reconcile_repaired{type="task",kind="orphan",command="reconcile"} 1',
      'taskgate_reconcile_repaired{type="task",kind="unregistered",command="reconcile"} 1',
      'taskgate_reconcile_rows{type="task",command="reconcile"} 4',
      'taskgate_reconcile_resources{type="task",command="reconcile"} 4',
      'taskgate_reconcile_known{type="task",command="reconcile"} 1',
      'taskgate_reconcile_result{result="clean",command="reconcile"} 1',
      'taskgate_reconcile_result{result="unknown",command="reconcile"} 0',
      expect.stringMatching(/^taskgate_reconcile_duration_seconds\{command="reconcile"\} \d/),
      expect.stringMatching(/^taskgate_reconcile_last_success_timestamp_seconds\{command="reconcile"\} \d/),
    ]),
  );
  expect(await readdir(directory)).not.toContain('report.json.tmp');
});

test('remembers how many rows there were: half of them gone is no reason to prune', async () => {
  const state = ['--state', path('state.json')];
  expect((await runTaskgate(['reconcile', '--apply', ...QUICK, ...state], env)).exitCode).toBe(0);
  await stores.sql(`DELETE FROM tasks WHERE id <> 'ok-1'`);
  const before = await stores.graph();
  for (let again = 0; again < 2; again += 1) {
    const { exitCode, stdout } = await runTaskgate(['reconcile', '--apply', ...QUICK, ...state], env);
    expect(exitCode).toBe(2);
    expect(typeReport(parse(stdout), 'task')).toMatchObject({
      status: 'not_pruned',
      reason: 'the table has 1 rows and had 4 last time: nothing is pruned',
    });
    expect(await stores.graph()).toEqual(before);
  }
  const forced = await runTaskgate(['reconcile', '--apply', ...QUICK, ...state, '--min-rows', '25%'], env);
  expect(forced.exitCode).toBe(0);
});

test('prunes nothing over the cap', async () => {
  const { exitCode, stdout } = await runTaskgate(['reconcile', '--apply', ...QUICK, '--max-prune', '0'], env);
  expect(exitCode).toBe(2);
  expect(typeReport(parse(stdout), 'task').reason).toBe(
    '1 of 4 registered resources are orphans, and at most 0 may be pruned: nothing is',
  );
});

describe('could not tell', () => {
  test.each([
    ['database', 'refuse'],
    ['database', 'hang'],
    ['database', 'reset'],
    ['spicedb', 'refuse'],
    ['spicedb', 'hang'],
  ] as const)('ends with 2 and changes nothing while the %s answers with %s', async (name, mode) => {
    const before = await stores.graph();
    await (name === 'database' ? database : spicedb).setMode(mode);
    const metrics = ['--metrics', path('taskgate.prom')];
    const { exitCode, stdout, stderr } = await runTaskgate(
      ['reconcile', '--apply', '--timeout', '0.5', ...QUICK, ...metrics],
      env,
    );
    expect(exitCode).toBe(2);
    expect(typeReport(parse(stdout), 'task')).toMatchObject({ status: 'failed', drift: { orphan: { repaired: 0 } } });
    expect(await readFile(path('taskgate.prom'), 'utf8')).toContain(
      'taskgate_reconcile_known{type="task",command="reconcile"} 0',
    );
    expect(stdout + stderr).not.toContain('canary');
    expect(await stores.graph()).toEqual(before);
  });

  test('ends with 2 when the store goes away in the grace period', async () => {
    const before = await stores.graph();
    await using run = spawnTaskgate(
      ['reconcile', '--apply', '--type', 'task', '--grace', '2', '--timeout', '0.5'],
      env,
    );
    await vi.waitFor(() => expect(run.stderr()).toContain('"relationships"'), { timeout: 10_000, interval: 20 });
    await database.setMode('reset');
    expect(await run.exited).toBe(2);
    expect(await stores.graph()).toEqual(before);
  });

  test.each<[string, string, RegExp]>([
    [
      'a column',
      'account: account',
      /types\.task\.rows\.account: the database does not take it: column "account" does not exist/,
    ],
    [
      'an expression',
      'account: "task_metadata ->"',
      /types\.task\.rows\.account: the database does not take it: syntax error/,
    ],
    ['a table', 'table: taskss', /types\.task\.table: there is no table taskss/],
  ])('ends with 2 when %s is wrong, and says which', async (_, setting, message) => {
    const [key = ''] = setting.split(':');
    const yaml = RECONCILE_YAML.replace(key === 'table' ? '"table":"tasks"' : '"account":"account_id"', setting);
    await writeFile(path('wrong.yaml'), yaml);
    const { exitCode, stdout, stderr } = await runTaskgate(['reconcile', ...QUICK], {
      ...env,
      TASKGATE_CONFIG: path('wrong.yaml'),
    });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test.each<[readonly string[], string]>([
    [['--type', 'tusk'], 'taskgate: "tusk" is no registered type (did you mean task?)\n'],
    [['--state', '.'], 'taskgate: the state in . can not be read\n'],
    [['--state', '/no/such/folder/state'], 'taskgate: ENOENT'],
  ])('ends with 2 for %j', async (flags, message) => {
    const { exitCode, stderr } = await runTaskgate(['reconcile', '--grace', '0', ...flags], env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  test('ends with 2 for a state of another configuration, of the other command, or of nothing', async () => {
    const state = ['--state', path('state.json')];
    expect((await runTaskgate(['reconcile', ...QUICK, ...state], env)).exitCode).toBe(1);
    for (const args of [
      ['reconcile', '--grace', '0', ...state],
      ['backfill', '--type', 'task', ...state],
    ]) {
      const { exitCode, stderr } = await runTaskgate(args, env);
      expect(exitCode).toBe(2);
      expect(stderr).toContain('is of another configuration or command: remove it to begin anew');
    }
    expect(await readFile(path('state.json'), 'utf8')).not.toContain('canary');
    await writeFile(path('state.json'), '{"version": 2}');
    const { exitCode, stderr } = await runTaskgate(['reconcile', ...QUICK, ...state], env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is no state of this version of taskgate: remove it to begin anew');
  });
});

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  '%s keeps the state, and the next run goes on from there',
  async (signal) => {
    const args = ['reconcile', '--apply', '--type', 'task', '--state', path('state.json')];
    {
      await using run = spawnTaskgate([...args, '--grace', '600'], env);
      await vi.waitFor(() => expect(run.stderr()).toContain('"relationships"'), { timeout: 10_000, interval: 20 });
      if (signal === 'SIGKILL')
        await vi.waitFor(async () => expect(await readFile(path('state.json'), 'utf8')).toContain('"run"'));
      run.child.kill(signal);
      expect(await run.exited).toBe(signal === 'SIGKILL' ? signal : 2);
      if (signal !== 'SIGKILL') expect(parse(run.stdout())).toMatchObject({ result: 'unknown', stopped: true });
    }
    const { exitCode, stdout, stderr } = await runTaskgate([...args, '--grace', '0'], env);
    expect(exitCode).toBe(0);
    expect(driftOf(parse(stdout), 'task')).toEqual(['orphan gone-1', 'unregistered new-1']);
    expect(stderr).toContain('going on with the run of');
    // The walk of the relationships had ended, and is not done again.
    if (signal !== 'SIGKILL') expect(stderr).not.toContain('"relationships"');
  },
);

test('a stopped run that was not to act is not gone on with by one that is', async () => {
  const args = ['reconcile', '--type', 'task', '--state', path('state.json')];
  {
    await using run = spawnTaskgate([...args, '--grace', '600'], env);
    await vi.waitFor(() => expect(run.stderr()).toContain('"relationships"'), { timeout: 10_000, interval: 20 });
    run.child.kill('SIGTERM');
    expect(await run.exited).toBe(2);
  }
  const { exitCode, stderr } = await runTaskgate([...args, '--apply', '--grace', '0'], env);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('beginning anew');
  expect(stderr).toContain('"relationships"');
});

const script = findOnPath('script');
test.skipIf(script === undefined)('draws a bar on a terminal, and the report stays readable', async () => {
  const command = `${process.execPath} src/main.ts reconcile ${QUICK.join(' ')} --report ${path('report.json')}`;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(script ?? '', ['-qec', command, '/dev/null'], { env: { PATH, HOME, TERM: 'xterm', ...env } });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const [code]: unknown[] = await once(child, 'close');
  expect(code).toBe(1);
  expect(shown).toMatch(/task: relationships \[=+\] 100% \| 4 of 4 \| 1 differ/);
  expect(shown).toMatch(/task: rows \[=+\] 100% \| 4 of 4 \| 2 differ/);
  expect(shown).not.toContain('{"time"');
  expect(parse(await readFile(path('report.json'), 'utf8')).result).toBe('drift');
});
