import { CERBOS_PATH, startCerbos } from './support/cerbos-server.ts';
import {
  assertWarmCheckAllowed,
  CHECK_TASK_PATH,
  createBodyFile,
  createWarmBodyFile,
} from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { skippedRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
const REQUESTS = 30_000;
const CERBOS_REQUESTS = 12_000;
const MIN_RATIO = 3;

/** Warm CheckTask beside the same question to a Cerbos PDP, which is told with it what taskgate looks up. */
export async function measureBesideCerbos(stores: BenchStores): Promise<readonly BenchRow[]> {
  const work = 'warm CheckTask of a child, gRPC, one core';
  let started;
  try {
    started = await startCerbos();
  } catch (error) {
    return [skippedRow(work, `Cerbos could not be had: ${String(error).split('\n')[0]}`)];
  }
  await using cerbos = started;
  await using cerbosBody = await createBodyFile(cerbos.body);
  await using body = await createWarmBodyFile();
  await using taskgate = await startTaskgate(stores);
  const ours = async (): Promise<number> =>
    h2load({ target: taskgate.ready.grpc, path: CHECK_TASK_PATH, bodyFile: body.path, requests: REQUESTS });
  const theirs = async (): Promise<number> =>
    h2load({ target: cerbos.grpc, path: CERBOS_PATH, bodyFile: cerbosBody.path, requests: CERBOS_REQUESTS });

  await assertWarmCheckAllowed(taskgate.ready.grpc);
  await ours();
  await theirs();
  const rates = await measureInTurn({ name: 'warm CheckTask beside Cerbos, calls/s', rounds: ROUNDS, theirs, ours });
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  return [
    {
      work: `${work}: ${spread(rates.ours, 0)} calls/s`,
      reference: `Cerbos PDP CheckResources, one core: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATIO }),
    },
  ];
}
