import { fileURLToPath } from 'node:url';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { runOpenLoop } from './support/open-loop.ts';
import { startPinned } from './support/processes.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const EMPTY_HANDLER = fileURLToPath(new URL('empty-handler.ts', import.meta.url));
const ROUNDS = 5;
const REQUESTS = 60_000;
/** Long enough for full collections of both: whether a short time holds one is luck. */
const LATENCY_MS = 10_000;
const MIN_RATE_RATIO = 0.8;
const MAX_P99_RATIO = 2;

/** Warm CheckTask of a child, beside an empty handler with the same messages, turn by turn on the same core. */
export async function measureWarmCheck(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  await using reference = await startPinned<{ grpc: string }>(EMPTY_HANDLER);
  await using untuned = await startPinned<{ grpc: string }>(EMPTY_HANDLER, { isTuned: false });
  await using taskgate = await startTaskgate(stores);
  const call = { path: CHECK_TASK_PATH, bodyFile: body.path };
  const rate = async (target: string): Promise<number> => h2load({ ...call, target, requests: REQUESTS });

  await assertWarmCheckAllowed(taskgate.ready.grpc);
  await rate(reference.ready.grpc);
  await rate(untuned.ready.grpc);
  await rate(taskgate.ready.grpc);
  const rates = await measureInTurn({
    name: 'warm CheckTask, calls/s',
    rounds: ROUNDS,
    theirs: async () => rate(reference.ready.grpc),
    ours: async () => rate(taskgate.ready.grpc),
  });
  const perSecond = Math.round(median(rates.ours) / 2);
  const p99Ms = async (target: string, seed: number): Promise<number> =>
    (await runOpenLoop({ ...call, target, perSecond, seed, durationMs: LATENCY_MS })).p99Ms;
  const tuned: number[] = [];
  const latencies = await measureInTurn({
    name: `warm CheckTask, p99 in ms at ${perSecond} calls/s`,
    rounds: ROUNDS,
    // Flags that do more for what is nearly empty would make a better taskgate look worse: these are said beside it.
    async theirs(round) {
      tuned.push(await p99Ms(reference.ready.grpc, round));
      return p99Ms(untuned.ready.grpc, round);
    },
    ours: async (round) => p99Ms(taskgate.ready.grpc, round),
  });
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  return [
    {
      work: `warm CheckTask of a child, gRPC, one core: ${spread(rates.ours, 0)} calls/s`,
      reference: `empty unary grpc-js handler, same messages: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATE_RATIO }),
    },
    {
      work: `its p99 at half load, ${perSecond} calls/s: ${spread(latencies.ours, 2)} ms`,
      reference: `the empty handler's at the same load, as Node runs it: ${spread(latencies.theirs, 2)} ms (with taskgate's flags of Node: ${spread(tuned, 2)} ms)`,
      ...judgeRatio(latencies.ratios, { atMost: MAX_P99_RATIO }),
    },
  ];
}
