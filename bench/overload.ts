import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ATTACKS } from '../test/support/attacks.ts';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { LOAD_CORE } from './support/cores.ts';
import { runOpenLoop } from './support/open-loop.ts';
import type { Rounds } from './support/rounds.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import type { BenchTaskgate } from './support/taskgate.ts';
import { startTaskgate } from './support/taskgate.ts';

const ATTACKER = fileURLToPath(new URL('attacker.ts', import.meta.url));
const ROUNDS = 5;
/** As many more, of what comes so near to the target, above or below, that these can't tell. */
const MORE_ROUNDS = 4;
const NEAR = 1.2;
/** Far below what a core can do: what is measured is what an attack takes away, not the queue of a busy one. */
const PER_SECOND = 500;
const DURATION_MS = 4_000;
/** Until an attack has all of its connections. */
const BUILD_UP_MS = 2_000;
const MAX_RATIO = 2;

/**
 * The 99th percentile of a good caller's warm checks during each attack, by that without, in the same rounds. The attack
 * has what the good caller leaves of the load core, which is most of it, and gives it back as soon as an answer comes: a
 * caller that waits for its own core would seem to wait for its answer.
 */
export async function measureOverload(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  await using taskgate = await startTaskgate(stores);
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  const call = { target: taskgate.ready.grpc, path: CHECK_TASK_PATH, bodyFile: body.path };
  const p99Ms = async (seed: number): Promise<number> =>
    (await runOpenLoop({ ...call, perSecond: PER_SECOND, durationMs: DURATION_MS, seed, sleeps: true })).p99Ms;
  await p99Ms(ROUNDS);
  const rows: BenchRow[] = [];
  for (const name of Object.keys(ATTACKS)) {
    const measure = async (rounds: number): Promise<Rounds> =>
      measureInTurn({
        name: `p99 under ${name}`,
        rounds,
        theirs: p99Ms,
        ours: async (round) => underAttack(name, taskgate, async () => p99Ms(round)),
      });
    const all = [await measure(ROUNDS)];
    if (isNear(all)) all.push(await measure(MORE_ROUNDS));
    rows.push({
      work: `p99 of a warm CheckTask at ${PER_SECOND} calls/s under ${name}: ${spread(valuesOf(all, 'ours'), 1)} ms`,
      reference: `without: ${spread(valuesOf(all, 'theirs'), 1)} ms`,
      ...judgeRatio(valuesOf(all, 'ratios'), { atMost: MAX_RATIO }),
    });
  }
  return rows;
}

function valuesOf(all: readonly Rounds[], side: keyof Rounds): readonly number[] {
  return all.flatMap((rounds) => rounds[side]);
}

function isNear(all: readonly Rounds[]): boolean {
  const ratio = median(valuesOf(all, 'ratios'));
  return ratio > MAX_RATIO / NEAR && ratio < MAX_RATIO * NEAR;
}

async function underAttack<Result>(
  attack: string,
  { ready }: BenchTaskgate,
  work: () => Promise<Result>,
): Promise<Result> {
  const command = [
    '-c',
    `${LOAD_CORE}`,
    'chrt',
    '--idle',
    '0',
    process.execPath,
    ATTACKER,
    attack,
    ready.grpc,
    ready.http,
  ];
  const attacker = spawn('taskset', command, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(attacker, 'exit');
  try {
    await delay(BUILD_UP_MS);
    if (attacker.exitCode !== null) throw new Error(`bench: the attack ${attack} ended with ${attacker.exitCode}`);
    return await work();
  } finally {
    attacker.kill('SIGTERM');
    await ended;
  }
}
