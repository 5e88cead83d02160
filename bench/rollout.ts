import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 9;
const REQUESTS = 40_000;
const MIN_RATE_RATIO = 0.98;
/** One account is off, so that every check has to be told whose it is; the one that is measured is enforced. */
const GATED = '{rollout: {accounts: {globex: {enforcement: "off"}}, bypass: [{kind: agent, id: nobody}]}}';

/** Warm CheckTask with gates that somebody needs, beside one that has none, turn by turn on the same core. */
export async function measureRollout(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  await using reference = await startTaskgate(stores);
  await using gated = await startTaskgate(stores, { config: GATED });
  const call = { path: CHECK_TASK_PATH, bodyFile: body.path };
  const rate = async (target: string): Promise<number> => h2load({ ...call, target, requests: REQUESTS });
  for (const { ready } of [reference, gated]) {
    await assertWarmCheckAllowed(ready.grpc);
    await rate(ready.grpc);
  }
  const rates = await measureInTurn({
    name: 'warm CheckTask with gates, calls/s',
    rounds: ROUNDS,
    theirs: async () => rate(reference.ready.grpc),
    ours: async () => rate(gated.ready.grpc),
  });
  return [
    {
      work: `warm CheckTask where one account is off and one principal is bypassed: ${spread(rates.ours, 0)} calls/s`,
      reference: `taskgate without rollout: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATE_RATIO }),
    },
  ];
}
