import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { runOpenLoop } from './support/open-loop.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 3;
const REQUESTS = 40_000;
const SHARE_OF_MAXIMUM = 0.8;
const DURATION_MS = 5_000;
const MAX_DELAY_MS = 20;

/** How long taskgate's event loop keeps others waiting while warm checks arrive at 80 % of what it can take. */
export async function measureEventLoop(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  await using taskgate = await startTaskgate(stores);
  const call = { target: taskgate.ready.grpc, path: CHECK_TASK_PATH, bodyFile: body.path };
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  await h2load({ ...call, requests: REQUESTS });
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rates.push(await h2load({ ...call, requests: REQUESTS }));
  const perSecond = Math.round(median(rates) * SHARE_OF_MAXIMUM);

  const delaysMs: number[] = [];
  const p99sMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await taskgate.ask('watchEventLoop');
    const { p99Ms } = await runOpenLoop({ ...call, perSecond, durationMs: DURATION_MS, seed: round });
    delaysMs.push(await taskgate.ask('eventLoopP99Ms'));
    p99sMs.push(p99Ms);
    process.stderr.write(
      `  event loop at ${perSecond} calls/s, round ${round + 1} of ${ROUNDS}: p99 ${delaysMs.at(-1)?.toFixed(1)} ms\n`,
    );
  }
  return [
    {
      work: `event loop under warm CheckTask at ${perSecond} calls/s (p99 of the calls: ${spread(p99sMs, 1)} ms)`,
      reference: `80 % of the maximum, ${spread(rates, 0)} calls/s`,
      result: `p99 delay ${spread(delaysMs, 1)} ms`,
      target: `≤ ${MAX_DELAY_MS} ms`,
      isMet: median(delaysMs) <= MAX_DELAY_MS,
    },
  ];
}
