import { fileURLToPath } from 'node:url';
import { create, toJsonString } from '@bufbuild/protobuf';
import { CheckTaskRequestSchema } from '../src/gen/taskgate/v1/authorization_pb.js';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createBodyFile, WARM_CHECK } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { startPinned } from './support/processes.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
const REQUESTS = 15_000;
const CONNECTIONS = 64;
const MIN_RATIO = 0.85;

/** Warm CheckTask as Connect JSON over HTTP/1.1 with kept connections, beside an empty connect-node handler. */
export async function measureConnectCheck(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createBodyFile(
    toJsonString(CheckTaskRequestSchema, create(CheckTaskRequestSchema, WARM_CHECK)),
  );
  await using reference = await startPinned<{ http: string }>(
    fileURLToPath(new URL('empty-connect-handler.ts', import.meta.url)),
  );
  await using taskgate = await startTaskgate(stores);
  // With HTTP/1.1 h2load's streams are pipelined requests, which nobody sends: one on each connection.
  const load = { path: CHECK_TASK_PATH, bodyFile: body.path, connections: CONNECTIONS, streams: 1 };
  const rate = async (target: string): Promise<number> =>
    h2load({ ...load, protocol: 'connect', target, requests: REQUESTS });

  await assertWarmCheckAllowed(taskgate.ready.grpc);
  await rate(reference.ready.http);
  await rate(taskgate.ready.http);
  const rates = await measureInTurn({
    name: 'warm CheckTask, Connect JSON, calls/s',
    rounds: ROUNDS,
    theirs: async () => rate(reference.ready.http),
    ours: async () => rate(taskgate.ready.http),
  });
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  return [
    {
      work: `warm CheckTask of a child, Connect JSON, one core: ${spread(rates.ours, 0)} calls/s`,
      reference: `empty connect-node handler, same messages: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATIO }),
    },
  ];
}
