import { MINIMIZE_LATENCY } from '../src/domain/consistency.ts';
import { insertTasks } from './support/bulk-tasks.ts';
import { readCheck } from './support/check-request.ts';
import { createBenchClient } from './support/client.ts';
import { timeAll, timeEach } from './support/closed-loop.ts';
import { createDirectClient } from './support/direct-client.ts';
import { createCallContext, createInProcess } from './support/in-process.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { skippedRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const CONCURRENCY = 64;
const ROUNDS = 7;
const CHECKS_AT_ONCE = 3_000;
const CHECKS_ONE_BY_ONE = 300;
const WARM_UP_CHECKS = 4_000;
const PREFIX = 'cold-task-';
const OWNER = 'cold-owner-';
const TASKS = 3 * (WARM_UP_CHECKS + ROUNDS * (CHECKS_AT_ONCE + CHECKS_ONE_BY_ONE));
const MIN_SPEED_UP = 2;
const MAX_P50_RATIO = 1.15;

/**
 * CheckTask of tasks that nobody has asked about, beside one direct CheckPermission each: the same work, without us. One
 * at a time it is the decision that is compared, in one process with its client, and the hop to taskgate is told apart.
 */
export async function measureColdCheck(stores: BenchStores): Promise<readonly BenchRow[]> {
  if (stores.server === undefined) return [skippedRow('cold CheckTask', 'needs a real SpiceDB server')];
  await insertTasks(stores.server.datastoreUrl, { prefix: PREFIX, from: 0, to: TASKS, ownerPrefix: OWNER, owners: 1 });
  await using taskgate = await startTaskgate(stores);
  using client = createBenchClient(taskgate.ready.grpc);
  using direct = createDirectClient(stores.spiceDb);
  using inProcess = createInProcess(stores);

  let nextTask = 0;
  const takeTask = (): string => `${PREFIX}${nextTask++}`;
  const ours = async (): Promise<void> => client.assertAllowed(readCheck(`${OWNER}0`, 'task', takeTask()));
  const theirs = async (): Promise<void> =>
    direct.assertHeld({
      object: { kind: 'resource', type: 'task', id: takeTask() },
      permission: 'read',
      principal: { kind: 'user', id: `${OWNER}0`, account: 'acme' },
    });

  const decided = async (): Promise<void> => {
    const resource = { type: 'task', key: { kind: 'id', id: takeTask() } } as const;
    const principal = { kind: 'user', id: `${OWNER}0`, account: 'acme' } as const;
    const check = { resource, operation: 'read', consistency: MINIMIZE_LATENCY, createIfAbsent: false } as const;
    const outcome = await inProcess.decideCheck(principal, check, createCallContext());
    if (outcome.kind !== 'decided' || outcome.decision.kind !== 'ALLOWED') throw new Error('bench: not allowed');
  };

  await timeAll(WARM_UP_CHECKS, CONCURRENCY, theirs);
  await timeAll(WARM_UP_CHECKS, CONCURRENCY, decided);
  await timeAll(WARM_UP_CHECKS, CONCURRENCY, ours);
  const perSecond = async (check: () => Promise<void>): Promise<number> =>
    (CHECKS_AT_ONCE / (await timeAll(CHECKS_AT_ONCE, CONCURRENCY, check))) * 1_000;
  const rates = await measureInTurn({
    name: `cold CheckTask, ${CONCURRENCY} at once, calls/s`,
    rounds: ROUNDS,
    theirs: async () => perSecond(theirs),
    ours: async () => perSecond(ours),
  });
  const single = await measureInTurn({
    name: 'cold CheckTask, one at a time, p50 in ms',
    rounds: ROUNDS,
    theirs: async () => timeEach(CHECKS_ONE_BY_ONE, theirs),
    ours: async () => timeEach(CHECKS_ONE_BY_ONE, decided),
  });
  const withHop = await measureInTurn({
    name: 'cold CheckTask with the hop, one at a time, p50 in ms',
    rounds: ROUNDS,
    theirs: async () => timeEach(CHECKS_ONE_BY_ONE, theirs),
    ours: async () => timeEach(CHECKS_ONE_BY_ONE, ours),
  });
  return [
    {
      work: `cold CheckTask, ${CONCURRENCY} at once: ${spread(rates.ours, 0)} calls/s`,
      reference: `one direct CheckPermission each, ${CONCURRENCY} at once: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_SPEED_UP }),
    },
    {
      work: `cold decision of CheckTask, one at a time, p50: ${spread(single.ours, 2)} ms`,
      reference: `one direct CheckPermission at a time, p50: ${spread(single.theirs, 2)} ms`,
      ...judgeRatio(single.ratios, { atMost: MAX_P50_RATIO }),
    },
    {
      work: `cold CheckTask with the hop from one process to another, p50: ${spread(withHop.ours, 2)} ms`,
      reference: `one direct CheckPermission at a time, p50: ${spread(withHop.theirs, 2)} ms`,
      result: spread(withHop.ratios, 2),
      target: 'none, for comparison',
      isMet: 'skipped',
    },
  ];
}
