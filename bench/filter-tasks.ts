import type { RelationshipCheck } from '../src/authorize/ports.ts';
import { AuthorizationService, Decision, Operation } from '../src/gen/taskgate/v1/authorization_pb.js';
import { createRelationshipChain } from '../src/relationships/relationship-chain.ts';
import { CHECK_BULK_PERMISSIONS } from '../src/relationships/spicedb-methods.ts';
import { toCheckItem, toConsistency } from '../src/relationships/spicedb-requests.ts';
import type { BenchRow } from './support/row.ts';
import type { BenchClient } from './support/client.ts';
import { createBenchClient } from './support/client.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { COLD, startTaskgate } from './support/taskgate.ts';
import { messageOfTask, READERS, seedTasks, taskId } from './support/tasks.ts';

const CANDIDATES = 1_000;
const MANY_CANDIDATES = 10_000;
const FEW_TASKS = 1_000;
const ALL_TASKS = 100_000;
/** What is compared is the work, not who has been compiled: each side makes this many calls first. */
const WARM_UP_ROUNDS = 60;
const ROUNDS = 7;
const CONCURRENCY = 64;
const MAX_RATIO_TO_BULK = 1.3;
const MIN_SPEED_UP = 20;
const MAX_GROWTH = 1.5;
const MAX_RSS_GROWTH_MIB = 64;

const { checkTask, filterReadableTasks, listReadableTasks } = AuthorizationService.method;

/** Lists, cold: this taskgate keeps no decisions, and each measurement asks about tasks of its own where it can. */
export async function measureLists(stores: BenchStores): Promise<readonly BenchRow[]> {
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb: stores.spiceDb });
  await using taskgate = await startTaskgate(stores, { config: COLD });
  using client = createBenchClient(taskgate.ready.grpc);
  const log = (text: string): void => void process.stderr.write(`  lists: ${text}\n`);

  log(`seeding ${FEW_TASKS} tasks`);
  await seedTasks(chain, 0, FEW_TASKS);
  await settle(stores);
  const withFew = await repeat(async () => timeFilter(client, READERS.all, 0));
  log(`seeding ${ALL_TASKS} tasks`);
  await seedTasks(chain, FEW_TASKS, ALL_TASKS);
  await settle(stores);
  const withMany = await repeat(async () => timeFilter(client, READERS.all, 0));

  log('warming up the code on both sides');
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    await timeBulk(chain, READERS.none, 0);
    await timeFilter(client, READERS.none, 0);
  }
  const rows: BenchRow[] = [];
  for (const [share, reader] of Object.entries(READERS)) {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      theirs.push(await timeBulk(chain, reader, (2 * round + 1) * CANDIDATES));
      ours.push(await timeFilter(client, reader, (2 * round + 2) * CANDIDATES));
    }
    const ratios = ours.map((ms, round) => ms / (theirs[round] ?? Number.NaN));
    log(`${CANDIDATES} candidates, reader of ${share}: ${spread(ratios, 2)}`);
    rows.push({
      work: `FilterReadableTasks, ${CANDIDATES} candidates, cold, principal reads ${share}: ${spread(ours, 0)} ms`,
      reference: `one bare CheckBulkPermissions of as many items: ${spread(theirs, 0)} ms`,
      result: spread(ratios, 2),
      target: `≤ ${MAX_RATIO_TO_BULK}`,
      isMet: median(ratios) <= MAX_RATIO_TO_BULK,
    });
  }

  for (const [kind, concurrency, first, minSpeedUp] of [
    ['task', 1, 20, MIN_SPEED_UP],
    ['message', 1, 40, MIN_SPEED_UP],
    ['task', CONCURRENCY, 60, 1],
    ['message', CONCURRENCY, 80, 1],
  ] as const) {
    const singles: number[] = [];
    const lists: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      lists.push(await timeFilter(client, READERS.all, (first + 2 * round) * CANDIDATES, CANDIDATES, kind));
      singles.push(await timeSingles(client, (first + 2 * round + 1) * CANDIDATES, concurrency, kind));
    }
    const speedUps = singles.map((ms, round) => ms / (lists[round] ?? Number.NaN));
    log(`${CANDIDATES} CheckTask calls on ${kind}s, ${concurrency} at once: ${spread(speedUps, 1)} times as long`);
    rows.push({
      work: `the same list, of ${kind}s never asked about before: ${spread(lists, 0)} ms`,
      reference: `${CANDIDATES} CheckTask calls, ${concurrency} at once: ${spread(singles, 0)} ms`,
      result: `${spread(speedUps, 1)} times faster`,
      target: `≥ ${minSpeedUp}`,
      isMet: median(speedUps) >= minSpeedUp,
    });
  }
  rows.push({
    work: `the same list among ${ALL_TASKS} tasks: ${spread(withMany, 0)} ms`,
    reference: `among ${FEW_TASKS} tasks: ${spread(withFew, 0)} ms`,
    result: (median(withMany) / median(withFew)).toFixed(2),
    target: `≤ ${MAX_GROWTH}`,
    isMet: median(withMany) / median(withFew) <= MAX_GROWTH,
  });

  await timeFilter(client, READERS.none, 0);
  rows.push(
    await measureGrowth(taskgate, `FilterReadableTasks of ${MANY_CANDIDATES} candidates, 10 times`, async () => {
      for (let round = 0; round < 10; round += 1)
        await timeFilter(client, READERS.all, round * CANDIDATES, MANY_CANDIDATES);
    }),
  );
  for (const [reader, pauseMs] of [
    ['fast', 0],
    ['slow', 20],
  ] as const) {
    rows.push(
      await measureGrowth(taskgate, `ListReadableTasks of ${ALL_TASKS} tasks, ${reader} reader`, async () =>
        readList(client, pauseMs),
      ),
    );
  }
  chain.close();
  return rows;
}

async function measureGrowth(
  taskgate: { rssMib(): Promise<number> },
  work: string,
  run: () => Promise<void>,
): Promise<BenchRow> {
  const idleMib = await taskgate.rssMib();
  let peakMib = idleMib;
  const timer = setInterval(() => {
    void taskgate.rssMib().then((mib) => (peakMib = Math.max(peakMib, mib)));
  }, 20);
  await run();
  clearInterval(timer);
  peakMib = Math.max(peakMib, await taskgate.rssMib());
  process.stderr.write(`  lists: ${work}: ${(peakMib - idleMib).toFixed(0)} MiB\n`);
  return {
    work: `RSS during ${work}`,
    reference: `before: ${idleMib.toFixed(0)} MiB`,
    result: `${(peakMib - idleMib).toFixed(0)} MiB more`,
    target: `< ${MAX_RSS_GROWTH_MIB} MiB more`,
    isMet: peakMib - idleMib < MAX_RSS_GROWTH_MIB,
  };
}

type CandidateKind = 'task' | 'message';

async function timeFilter(
  client: BenchClient,
  reader: string,
  from: number,
  count = CANDIDATES,
  kind: CandidateKind = 'task',
): Promise<number> {
  const resources = Array.from({ length: count }, (_, index) => ref(from + index, kind));
  const startedAt = performance.now();
  const { resources: readable } = await client.call(filterReadableTasks, { principal: principal(reader), resources });
  const ms = performance.now() - startedAt;
  const expected = resources.filter((_, index) => isReadable(reader, from + index)).length;
  if (readable.length !== expected) throw new Error(`bench: ${readable.length} of ${expected} readable`);
  return ms;
}

async function timeBulk(
  chain: ReturnType<typeof createRelationshipChain>,
  reader: string,
  from: number,
): Promise<number> {
  const items = Array.from({ length: CANDIDATES }, (_, index): RelationshipCheck => ({
    object: { kind: 'resource', type: 'task', id: taskId(from + index) },
    permission: 'read',
    principal: { kind: 'user', id: reader, account: 'acme' },
  })).map(toCheckItem);
  const context = { signal: new AbortController().signal, deadlineAtMs: Date.now() + 10_000 };
  const request = { items, consistency: toConsistency({ kind: 'minimize_latency' }), withTracing: false };
  const startedAt = performance.now();
  await chain.client.call(CHECK_BULK_PERMISSIONS, request, context, { idempotent: true });
  return performance.now() - startedAt;
}

async function timeSingles(
  client: BenchClient,
  from: number,
  concurrency: number,
  kind: CandidateKind,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < CANDIDATES) {
      const resource = ref(from + next++, kind);
      const { decision } = await client.call(checkTask, {
        principal: principal(READERS.all),
        resource,
        operation: Operation.READ,
      });
      if (decision !== Decision.ALLOWED) throw new Error(`bench: ${Decision[decision]}`);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  return performance.now() - startedAt;
}

async function readList(client: BenchClient, pauseMs: number): Promise<void> {
  let ids = 0;
  let isComplete = false;
  for await (const { event } of client.stream(listReadableTasks, {
    principal: principal(READERS.all),
    pageSize: 500,
  })) {
    if (event.case === 'page') ids += event.value.taskIds.length;
    if (event.case === 'complete') isComplete = true;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  if (ids !== ALL_TASKS || !isComplete) throw new Error(`bench: ${ids} of ${ALL_TASKS} listed`);
}

async function repeat(measure: (round: number) => Promise<number>, rounds = ROUNDS): Promise<number[]> {
  await measure(rounds);
  const results: number[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await measure(round));
  return results;
}

/** Longer than a minimise-latency snapshot can be behind: what was just written must be seen. */
async function settle(stores: BenchStores): Promise<void> {
  await stores.analyze();
  await new Promise((resolve) => setTimeout(resolve, 6_000));
}

const principal = (userId: string) => ({ subject: { case: 'userId' as const, value: userId }, accountId: 'acme' });
const ref = (index: number, kind: CandidateKind) => ({
  type: kind,
  key: { case: 'id' as const, value: kind === 'task' ? taskId(index) : messageOfTask(index) },
});
const isReadable = (reader: string, index: number): boolean =>
  reader === READERS.all || (reader === READERS.some && index % 100 === 0);
