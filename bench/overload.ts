import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from '../test/support/attacks.ts';
import { ATTACKS } from '../test/support/attacks.ts';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { runOpenLoop } from './support/open-loop.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import type { BenchTaskgate } from './support/taskgate.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 3;
/** Far below what a core can do: what is measured is what an attack takes away, not the queue of a busy one. */
const PER_SECOND = 500;
const DURATION_MS = 3_000;
/** Until an attack has all of its connections. */
const BUILD_UP_MS = 1_000;
const MAX_RATIO = 2;

/**
 * The 99th percentile of a good caller's warm checks during each attack, by that without, in the same rounds. The attack
 * shares the load core, and its own demands on it are in the figure too.
 */
export async function measureOverload(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  await using taskgate = await startTaskgate(stores);
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  const call = { target: taskgate.ready.grpc, path: CHECK_TASK_PATH, bodyFile: body.path };
  const p99Ms = async (seed: number): Promise<number> =>
    (await runOpenLoop({ ...call, perSecond: PER_SECOND, durationMs: DURATION_MS, seed })).p99Ms;
  const rows: BenchRow[] = [];
  for (const [name, attack] of Object.entries(ATTACKS)) {
    const { ours, theirs, ratios } = await measureInTurn({
      name: `p99 under ${name}`,
      rounds: ROUNDS,
      theirs: p99Ms,
      ours: async (round) => underAttack(attack, taskgate, async () => p99Ms(round)),
    });
    rows.push({
      work: `p99 of a warm CheckTask at ${PER_SECOND} calls/s under ${name}: ${spread(ours, 1)} ms`,
      reference: `without: ${spread(theirs, 1)} ms`,
      ...judgeRatio(ratios, { atMost: MAX_RATIO }),
    });
  }
  return rows;
}

async function underAttack<Result>(
  attack: Attack,
  { ready }: BenchTaskgate,
  work: () => Promise<Result>,
): Promise<Result> {
  await using _ = attack(ready);
  await delay(BUILD_UP_MS);
  return await work();
}
