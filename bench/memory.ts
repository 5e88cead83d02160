import { fileURLToPath } from 'node:url';
import { AuthorizationService, Decision, Operation } from '../src/gen/taskgate/v1/authorization_pb.js';
import type { BenchRow } from './run.ts';
import type { BenchClient } from './support/client.ts';
import { createBenchClient } from './support/client.ts';
import { startPinned } from './support/processes.ts';
import type { BenchStores } from './support/stores.ts';
import { BENCH_MESSAGES } from './support/stores.ts';

const CONCURRENCY = 64;
const MAX_RSS_MIB = 300;

/** Resident memory after 100,000 different checks, each of a message of its own, with default cache sizes. */
export async function measureMemory(stores: BenchStores): Promise<BenchRow> {
  await using taskgate = await startPinned<{ grpc: string }>(fileURLToPath(new URL('taskgate.ts', import.meta.url)), {
    core: 0,
    env: stores.env,
  });
  const idleMib = await taskgate.rssMib();
  using client = createBenchClient(taskgate.ready.grpc);
  let peakMib = idleMib;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < BENCH_MESSAGES) {
      next += 1;
      const current = next;
      await assertAllowed(client, `bench-${current}`);
      if (current % 5_000 === 0) {
        peakMib = Math.max(peakMib, await taskgate.rssMib());
        process.stderr.write(`  memory: ${current} of ${BENCH_MESSAGES} checks, ${peakMib.toFixed(0)} MiB at most\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return {
    work: `RSS after ${BENCH_MESSAGES} different checks`,
    reference: `idle: ${idleMib.toFixed(0)} MiB`,
    result: `${peakMib.toFixed(0)} MiB at most`,
    target: `< ${MAX_RSS_MIB} MiB`,
    isMet: peakMib < MAX_RSS_MIB,
  };
}

async function assertAllowed(client: BenchClient, messageId: string): Promise<void> {
  const { decision } = await client.call(AuthorizationService.method.checkTask, {
    principal: { subject: { case: 'userId', value: 'alice' }, accountId: 'acme' },
    resource: { type: 'message', key: { case: 'id', value: messageId } },
    operation: Operation.READ,
  });
  if (decision !== Decision.ALLOWED) throw new Error(`bench: ${messageId} was answered ${Decision[decision]}`);
}
