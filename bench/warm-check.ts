import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
  Decision,
  Operation,
} from '../src/gen/taskgate/v1/authorization_pb.js';
import { frameGrpcMessage, postGrpc } from '../test/support/raw-http.ts';
import type { BenchRow } from './run.ts';
import { h2load } from './support/h2load.ts';
import { startPinned } from './support/processes.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const ROUNDS = 5;
const LOAD = { requests: 60_000, connections: 4, streams: 16, core: LOAD_CORE };
const PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.checkTask.name}`;
const TARGET_RATIO = 0.5;

const request = toBinary(
  CheckTaskRequestSchema,
  create(CheckTaskRequestSchema, {
    principal: { subject: { case: 'userId', value: 'alice' }, accountId: 'acme' },
    resource: { type: 'message', key: { case: 'id', value: 'msg-1' } },
    operation: Operation.READ,
  }),
);

/** Warm CheckTask of a child, beside an empty handler with the same messages, turn by turn on the same core. */
export async function measureWarmCheck(stores: BenchStores): Promise<BenchRow> {
  const bodyFile = join(await mkdtemp(join(tmpdir(), 'taskgate-bench-')), 'request.bin');
  await writeFile(bodyFile, frameGrpcMessage(request));
  await using reference = await startPinned<{ grpc: string }>(script('empty-handler.ts'), { core: SERVER_CORE });
  await using taskgate = await startPinned<{ grpc: string }>(script('taskgate.ts'), {
    core: SERVER_CORE,
    env: stores.env,
  });
  const load = async (target: string): Promise<number> => h2load({ ...LOAD, target, path: PATH, bodyFile });

  await assertAllowed(taskgate.ready.grpc);
  await load(reference.ready.grpc);
  await load(taskgate.ready.grpc);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    theirs.push(await load(reference.ready.grpc));
    ours.push(await load(taskgate.ready.grpc));
    process.stderr.write(
      `  warm CheckTask, round ${round + 1} of ${ROUNDS}: ${ours.at(-1)} of ${theirs.at(-1)} calls/s\n`,
    );
  }
  await assertAllowed(taskgate.ready.grpc);
  const ratios = ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN));
  return {
    work: `warm CheckTask of a child, gRPC, one core: ${spread(ours, 0)} calls/s`,
    reference: `empty unary grpc-js handler, same messages: ${spread(theirs, 0)} calls/s`,
    result: spread(ratios, 2),
    target: `≥ ${TARGET_RATIO}`,
    isMet: median(ratios) >= TARGET_RATIO,
  };
}

/** h2load sees statuses only; this sees that the load gets real decisions. */
async function assertAllowed(target: string): Promise<void> {
  const { body } = await postGrpc(target, PATH, request);
  const { decision } = fromBinary(CheckTaskResponseSchema, body.subarray(5));
  if (decision !== Decision.ALLOWED) throw new Error(`bench: CheckTask answered ${Decision[decision]}`);
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
