import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { CallContext, Relationship } from '../src/authorize/ports.ts';
import type { ReconcileReport } from '../src/lifecycle/reconcile/report.ts';
import type { RelationshipChain } from '../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../src/relationships/relationship-chain.ts';
import { RECONCILE_YAML } from '../test/support/reconcile-yaml.ts';
import { execute } from '../test/support/test-database.ts';
import type { BenchOptions, BenchRow } from './support/row.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../test/support/node-flags.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { READERS, seedTasks, taskId } from './support/tasks.ts';

const FEW = 100_000;
const MANY = 200_000;
const FULL_MANY = 1_000_000;
const RUNS = 3;
const PAGE = 2_500;
const MIN_ROWS_PER_SECOND = 20_000;
const MIN_SHARE_OF_BARE = 0.7;
const MAX_GROWTH_MIB = 32;
const CORE = '0';
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A dry run over many tasks that all are right: both walks, and what they use of memory. */
export async function measureReconcile(stores: BenchStores, { isFull }: BenchOptions): Promise<readonly BenchRow[]> {
  const manyTasks = isFull ? FULL_MANY : MANY;
  if (stores.spiceDb.token === undefined) {
    process.stderr.write('bench: reconcile is left out: the embedded engine has no address that it could be given\n');
    return [];
  }
  const databaseUrl = stores.env['TASKGATE_DATABASE_URL'] ?? '';
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb: stores.spiceDb });
  try {
    await seed(stores, chain, databaseUrl, 0, FEW);
    const runs: ReconcileRun[] = [];
    const bare: Rates[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      bare.push(await measureBare(chain, databaseUrl));
      runs.push(await dryRun(stores, databaseUrl, FEW));
    }
    await seed(stores, chain, databaseUrl, FEW, manyTasks);
    const few = runs.map(({ rssMib }) => rssMib);
    const many: number[] = [];
    for (let run = 0; run < RUNS; run += 1) many.push((await dryRun(stores, databaseUrl, manyTasks)).rssMib);
    const rate = (rates: readonly number[]): string => `${spread(rates, 0)} rows/s`;
    return [
      {
        work: `reconcile, dry run of ${FEW} tasks, walk of their relationships`,
        reference: `bare scans by ExportBulkRelationships, one after the other: ${rate(bare.map(({ scan }) => scan))}`,
        ...toResult(
          runs.map(({ relationships }) => relationships),
          bare.map(({ scan }) => scan),
        ),
      },
      {
        work: `the same, walk of their rows`,
        reference: `bare CheckBulkPermissions, one after the other: ${rate(bare.map(({ has }) => has))}, bare SQL: ${rate(bare.map(({ sql }) => sql))}`,
        ...toResult(
          runs.map(({ rows }) => rows),
          bare.map(({ has }) => has),
        ),
      },
      {
        work: `highest RSS of reconcile over ${manyTasks} tasks`,
        reference: `over ${FEW}: ${spread(few, 0)} MiB`,
        result: `${spread(many, 0)} MiB`,
        target: `< ${MAX_GROWTH_MIB} MiB more`,
        isMet: median(many) - median(few) < MAX_GROWTH_MIB,
      },
    ];
  } finally {
    chain.close();
  }
}

/** Enough rows a second, or nearly as many as SpiceDB itself gives here: then it is what bounds the walk. */
function toResult(ours: readonly number[], theirs: readonly number[]): Pick<BenchRow, 'result' | 'target' | 'isMet'> {
  const shares = ours.map((rate, index) => rate / (theirs[index] ?? Number.NaN));
  return {
    result: `${spread(ours, 0)} rows/s, ${spread(shares, 2)} of that`,
    target: `≥ ${MIN_ROWS_PER_SECOND} rows/s, or ≥ ${MIN_SHARE_OF_BARE} of the bare calls`,
    isMet: median(ours) >= MIN_ROWS_PER_SECOND || median(shares) >= MIN_SHARE_OF_BARE,
  };
}

async function seed(
  stores: BenchStores,
  chain: RelationshipChain,
  databaseUrl: string,
  from: number,
  to: number,
): Promise<void> {
  process.stderr.write(`  reconcile: seeding tasks ${from} to ${to}\n`);
  await seedTasks(chain, from, to);
  await execute(
    databaseUrl,
    `INSERT INTO tasks (id, account_id, agent_id, task_metadata)
       SELECT '${taskId('')}' || n, 'acme', 'agent-1', '{"created_by_user_id": "${READERS.all}"}'
       FROM generate_series(${from}, ${to - 1}) n ON CONFLICT DO NOTHING`,
  );
  await stores.analyze();
}

interface ReconcileRun {
  /** Rows a second of each walk. */
  readonly relationships: number;
  readonly rows: number;
  readonly rssMib: number;
}

async function dryRun(stores: BenchStores, databaseUrl: string, tasks: number): Promise<ReconcileRun> {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-bench-'));
  const file = (name: string): string => join(directory, name);
  try {
    await writeFile(file('taskgate.yaml'), RECONCILE_YAML);
    const args = ['reconcile', '--type', 'task', '--grace', '0', '--report', file('report.json')];
    const child = spawn('taskset', ['-c', CORE, process.execPath, ...NODE_FLAGS, MAIN, ...args], {
      env: {
        PATH: process.env['PATH'],
        ...NODE_ENVIRONMENT,
        TASKGATE_CONFIG: file('taskgate.yaml'),
        TASKGATE_SPICEDB_ENDPOINT: stores.spiceDb.endpoint,
        TASKGATE_SPICEDB_TOKEN: stores.spiceDb.token,
        TASKGATE_DATABASE_URL: databaseUrl,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let lines = '';
    child.stderr.on('data', (chunk: Buffer) => {
      lines += chunk.toString();
    });
    const exited = once(child, 'close');
    let rssMib = 0;
    while (child.exitCode === null) {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
      rssMib = Math.max(rssMib, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
      await Promise.race([exited, delay(100)]);
    }
    const report = JSON.parse(await readFile(file('report.json'), 'utf8')) as ReconcileReport;
    const task = report.types.find(({ type }) => type === 'task');
    if (task === undefined || task.resources < tasks || task.rows < tasks) throw new Error(`bench: ${lines}`);
    const endedAtMs = (step: string): number => {
      const line = lines.split('\n').find((text) => text.includes(`"step":"${step}"`) && text.includes('"ended":true'));
      return Date.parse((JSON.parse(line ?? '{}') as { time: string }).time);
    };
    const walked = endedAtMs('relationships');
    return {
      relationships: (task.resources * 1_000) / (walked - Date.parse(report.started_at)),
      rows: (task.rows * 1_000) / (endedAtMs('rows') - walked),
      rssMib,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Rows a second of the bare calls. */
interface Rates {
  readonly scan: number;
  readonly has: number;
  readonly sql: number;
}

async function measureBare({ reader }: RelationshipChain, databaseUrl: string): Promise<Rates> {
  const context = (): CallContext => ({ signal: new AbortController().signal, deadlineAtMs: Date.now() + 60_000 });
  const perSecond = async (read: () => Promise<number>): Promise<number> => {
    const startMs = performance.now();
    const count = await read();
    return (count * 1_000) / (performance.now() - startMs);
  };
  const scan = await perSecond(async () => {
    const ids = new Set<string | undefined>();
    let cursor: string | undefined;
    do {
      const page = await reader.scan('task', cursor, context());
      for (const { object } of page.relationships) ids.add(object.id);
      ({ cursor } = page);
    } while (cursor !== undefined);
    return ids.size;
  });
  const has = await perSecond(async () => {
    for (let at = 0; at < FEW; at += PAGE) {
      await reader.has(
        Array.from({ length: PAGE }, (_, index) => toTie(at + index)),
        context(),
      );
    }
    return FEW;
  });
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const sql = await perSecond(async () => {
      let count = 0;
      for (let after = ''; ;) {
        const { rows } = await client.query<{ key: string }>(
          `SELECT id AS key, account_id, agent_id, task_metadata->>'created_by_user_id' FROM tasks WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
          [after],
        );
        count += rows.length;
        if (rows.length < PAGE) return count;
        after = rows.at(-1)?.key ?? '';
      }
    });
    return { scan, has, sql };
  } finally {
    await client.end();
  }
}

function toTie(index: number): Relationship {
  return {
    object: { kind: 'resource', type: 'task', id: taskId(index) },
    relation: 'tenant',
    subject: { kind: 'object', object: { kind: 'tenant', account: 'acme' } },
  };
}
