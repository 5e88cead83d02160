import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
  Decision,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { frameGrpcMessage, postGrpc } from '../../test/support/raw-http.ts';

export const CHECK_TASK_PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.checkTask.name}`;

/** May this user of acme read the resource? */
export function readCheck(userId: string, type: 'task' | 'message', id: string) {
  return {
    principal: { subject: { case: 'userId', value: userId }, accountId: 'acme' },
    resource: { type, key: { case: 'id', value: id } },
    operation: Operation.READ,
  } as const satisfies MessageInitShape<typeof CheckTaskRequestSchema>;
}

/** The check of the warm rows, of a child, which is allowed. */
export const WARM_CHECK = readCheck('alice', 'message', 'msg-1');
export const WARM_CHECK_BYTES = toBinary(CheckTaskRequestSchema, create(CheckTaskRequestSchema, WARM_CHECK));

/** A file that holds what a load generator sends, gone on disposal. */
export async function createBodyFile(body: Uint8Array | string): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-bench-'));
  const path = join(directory, 'request.bin');
  await writeFile(path, body);
  return { path, [Symbol.asyncDispose]: async () => rm(directory, { recursive: true, force: true }) };
}

export const createWarmBodyFile = async () => createBodyFile(frameGrpcMessage(WARM_CHECK_BYTES));

/** Load generators see statuses only; this sees that the load gets real decisions. @throws Error if it does not. */
export async function assertWarmCheckAllowed(target: string): Promise<void> {
  const { body } = await postGrpc(target, CHECK_TASK_PATH, WARM_CHECK_BYTES);
  const { decision } = fromBinary(CheckTaskResponseSchema, body.subarray(5));
  if (decision !== Decision.ALLOWED) throw new Error(`bench: CheckTask answered ${Decision[decision]}`);
}
