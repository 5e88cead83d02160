import { readCheck } from './support/check-request.ts';
import { createBenchClient } from './support/client.ts';
import { timeAll } from './support/closed-loop.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const CONCURRENCY = 64;
const PARENTS = 10_000;
const ROUNDS = 3;
const MAX_SHARE = 1 / 20;

/** Children whose parents are neither in memory nor in Redis, all of one task: the queries to the database are counted. */
export async function measureColdParents(stores: BenchStores): Promise<readonly BenchRow[]> {
  await stores.flushRedis();
  await using taskgate = await startTaskgate(stores);
  using client = createBenchClient(taskgate.ready.grpc);
  const queries: number[] = [];
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await taskgate.ask('queries');
    tookMs.push(
      await timeAll(PARENTS, CONCURRENCY, async (index) =>
        client.assertAllowed(readCheck('alice', 'message', `bench-${1 + round * PARENTS + index}`)),
      ),
    );
    queries.push((await taskgate.ask('queries')) - before);
    process.stderr.write(`  cold parents, round ${round + 1} of ${ROUNDS}: ${queries.at(-1)} queries\n`);
  }
  const savings = queries.map((count) => PARENTS / count);
  return [
    {
      work: `${PARENTS} cold parents, ${CONCURRENCY} at once: ${spread(queries, 0)} queries, ${spread(tookMs, 0)} ms`,
      reference: `one query each: ${PARENTS} queries`,
      result: `1/${spread(savings, 1)}`,
      target: `≤ 1/${1 / MAX_SHARE}`,
      isMet: median(queries) <= PARENTS * MAX_SHARE,
    },
  ];
}
