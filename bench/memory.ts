import { insertTasks } from './support/bulk-tasks.ts';
import { readCheck } from './support/check-request.ts';
import type { BenchClient } from './support/client.ts';
import { createBenchClient } from './support/client.ts';
import { timeAll } from './support/closed-loop.ts';
import type { BenchOptions, BenchRow } from './support/row.ts';
import { skippedRow } from './support/row.ts';
import type { BenchStores } from './support/stores.ts';
import { BENCH_MESSAGES } from './support/stores.ts';
import type { BenchTaskgate } from './support/taskgate.ts';
import { LARGE_CACHES, startTaskgate } from './support/taskgate.ts';
import { messageOfTask, taskId } from './support/tasks.ts';

const CONCURRENCY = 64;
const CHECKS_PER_SAMPLE = 5_000;
const MAX_RSS_MIB = 300;
const MAX_GROWTH_MIB = 150;
const LOAD_MINUTES = 1;
const FULL_LOAD_MINUTES = 10;
/** Over the whole load. What is kept by mistake, a hundred bytes of every check, would be many times that. */
const MAX_DRIFT_MIB = 10;
const MINUTE_MS = 60_000;
const OWNER = 'memory-owner-';

/** Resident memory of a taskgate whose caches are full, each check of a message and a task of its own, and then under load. */
export async function measureMemory(stores: BenchStores, { isFull }: BenchOptions): Promise<readonly BenchRow[]> {
  if (stores.server === undefined) return [skippedRow('memory', 'needs a real SpiceDB server')];
  await insertTasks(stores.server.datastoreUrl, {
    prefix: taskId('memory-'),
    from: 0,
    to: BENCH_MESSAGES,
    ownerPrefix: OWNER,
    owners: 1,
  });
  await stores.flushRedis();
  await using taskgate = await startTaskgate(stores, { config: LARGE_CACHES });
  using client = createBenchClient(taskgate.ready.grpc);
  const idleMib = await taskgate.rssMib();
  const filled = await sampleRss(taskgate, async (sample) => checkAll(client, sample));
  const peakMib = Math.max(...filled.map(({ mib }) => mib));

  const minutes = isFull ? FULL_LOAD_MINUTES : LOAD_MINUTES;
  process.stderr.write(`  memory: ${minutes} minutes of load\n`);
  const loaded = await sampleRss(taskgate, async (sample) => {
    const until = performance.now() + minutes * MINUTE_MS;
    while (performance.now() < until) await checkAll(client, sample, until);
  });
  // The first third is when the heap finds its size.
  const slope = slopeOf(loaded.slice(Math.floor(loaded.length / 3)));
  const driftMib = slope * minutes;
  const isIdle = `idle: ${idleMib.toFixed(0)} MiB`;
  return [
    {
      work: `RSS after ${BENCH_MESSAGES} different checks`,
      reference: isIdle,
      result: `${peakMib.toFixed(0)} MiB at most`,
      target: `< ${MAX_RSS_MIB} MiB`,
      isMet: peakMib < MAX_RSS_MIB,
    },
    {
      work: `RSS with ${BENCH_MESSAGES} parents and ${BENCH_MESSAGES} decisions cached: ${peakMib.toFixed(0)} MiB`,
      reference: isIdle,
      result: `${(peakMib - idleMib).toFixed(0)} MiB more`,
      target: `≤ ${MAX_GROWTH_MIB} MiB more`,
      isMet: peakMib - idleMib <= MAX_GROWTH_MIB,
    },
    {
      work: `RSS over ${minutes} minutes of such checks: ${loaded.at(-1)?.mib.toFixed(0)} MiB at the end`,
      reference: `at their beginning: ${loaded[0]?.mib.toFixed(0)} MiB`,
      result: `slope ${slope.toFixed(2)} MiB a minute`,
      target: `< ${MAX_DRIFT_MIB / minutes} MiB a minute`,
      isMet: driftMib < MAX_DRIFT_MIB,
    },
  ];
}

async function checkAll(client: BenchClient, sample: () => Promise<void>, until = Infinity): Promise<void> {
  await timeAll(BENCH_MESSAGES, CONCURRENCY, async (index) => {
    if (performance.now() > until) return;
    await client.assertAllowed(readCheck(`${OWNER}0`, 'message', messageOfTask(`memory-${index}`)));
    if (index % CHECKS_PER_SAMPLE === 0) await sample();
  });
}

interface RssSample {
  readonly atMinutes: number;
  readonly mib: number;
}

async function sampleRss(
  taskgate: BenchTaskgate,
  work: (sample: () => Promise<void>) => Promise<void>,
): Promise<readonly RssSample[]> {
  const samples: RssSample[] = [];
  await work(async () => {
    const mib = await taskgate.rssMib();
    samples.push({ atMinutes: performance.now() / MINUTE_MS, mib });
    process.stderr.write(`  memory: ${mib.toFixed(0)} MiB\n`);
  });
  return samples;
}

/** Least squares, in MiB a minute. */
function slopeOf(samples: readonly RssSample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanAt = mean(samples.map(({ atMinutes }) => atMinutes));
  const meanMib = mean(samples.map(({ mib }) => mib));
  const covariance = mean(samples.map(({ atMinutes, mib }) => (atMinutes - meanAt) * (mib - meanMib)));
  return covariance / mean(samples.map(({ atMinutes }) => (atMinutes - meanAt) ** 2));
}
