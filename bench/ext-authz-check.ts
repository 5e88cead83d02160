import { ENVOY_CHECK_PATH, sendEnvoyCheck, toVerdict } from '../test/support/envoy-checks.ts';
import { gatewayYaml } from '../test/support/gateway.ts';
import { frameGrpcMessage } from '../test/support/raw-http.ts';
import { recorded } from '../test/rpc/ext-authz/recorded/recorded.ts';
import {
  assertWarmCheckAllowed,
  CHECK_TASK_PATH,
  createBodyFile,
  createWarmBodyFile,
} from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
const REQUESTS = 60_000;
const MIN_RATIO = 0.7;
/** A browser's request as Envoy describes it, about the child that CheckTask is asked about. */
const CHECK = recorded('a GET of a child');

/** Envoy's Check beside CheckTask of the same child, warm, turn by turn on the same process. */
export async function measureExtAuthz(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using envoyBody = await createBodyFile(frameGrpcMessage(CHECK));
  await using checkBody = await createWarmBodyFile();
  await using taskgate = await startTaskgate(stores, { config: gatewayYaml() });
  const target = taskgate.ready.grpc;
  const ours = async (): Promise<number> =>
    h2load({ path: ENVOY_CHECK_PATH, bodyFile: envoyBody.path, target, requests: REQUESTS });
  const theirs = async (): Promise<number> =>
    h2load({ path: CHECK_TASK_PATH, bodyFile: checkBody.path, target, requests: REQUESTS });

  await assertAllowed(target);
  await ours();
  await theirs();
  const rates = await measureInTurn({ name: 'ext_authz Check, calls/s', rounds: ROUNDS, theirs, ours });
  await assertAllowed(target);
  return [
    {
      work: `warm ext_authz Check of a child, ${CHECK.length} bytes, one core: ${spread(rates.ours, 0)} calls/s`,
      reference: `warm CheckTask of the same child: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATIO }),
    },
  ];
}

async function assertAllowed(target: string): Promise<void> {
  await assertWarmCheckAllowed(target);
  const verdict = toVerdict(await sendEnvoyCheck(target, CHECK));
  if (verdict.kind !== 'allowed') throw new Error(`bench: Envoy is answered ${JSON.stringify(verdict)}`);
}
