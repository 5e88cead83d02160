import { SAMPLE_RELATIONSHIPS } from '../src/embedded/sample-data.ts';
import { startSpiceDbServer } from '../test/support/spicedb-server.ts';
import { insertTasks } from './support/bulk-tasks.ts';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile, readCheck } from './support/check-request.ts';
import { createBenchClient } from './support/client.ts';
import { timeAll, timeEach } from './support/closed-loop.ts';
import { LOAD_CORE } from './support/cores.ts';
import { h2load } from './support/h2load.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { skippedRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { LARGE_CACHES, startTaskgate } from './support/taskgate.ts';

const FEW = { tasks: 1_000, principals: 100 };
const MANY = { tasks: 1_000_000, principals: 100_000 };
const ROUNDS = 5;
const CONCURRENCY = 64;
const WARM_REQUESTS = 30_000;
/** All rounds and the warm-up together take no more than the smaller world has, since nothing may be asked twice. */
const COLD_CHECKS = 100;
const COLD_WARM_UP_CHECKS = 400;
/** What the caches of the larger world hold when the warm checks are measured: all that they can. */
const CACHED_CHECKS = 100_000;
const MAX_WARM_RATIO = 1.1;
const MAX_COLD_RATIO = 1.5;
const PREFIX = 'growth-task-';
const OWNER = 'growth-owner-';

/**
 * The same checks in two worlds, each with a SpiceDB and a taskgate of its own, turn by turn: one has a thousand times
 * the other's tasks and principals. Warm: with caches that are full of other checks. Cold: tasks from all over the world.
 */
export async function measureGrowth(stores: BenchStores): Promise<readonly BenchRow[]> {
  const { server } = stores;
  if (server === undefined) return [skippedRow('growth', 'needs a real SpiceDB server')];
  await using opened = new AsyncDisposableStack();
  await stores.flushRedis();
  await using body = await createWarmBodyFile();

  const openWorld = async ({ tasks, principals }: typeof FEW) => {
    process.stderr.write(`  growth: seeding ${tasks} tasks of ${principals} principals\n`);
    const spiceDb = opened.use(
      await startSpiceDbServer(server.binary, {
        postgresUrl: stores.postgresUrl,
        core: LOAD_CORE,
        relationships: SAMPLE_RELATIONSHIPS,
      }),
    );
    await insertTasks(spiceDb.datastoreUrl, {
      prefix: PREFIX,
      from: 0,
      to: tasks,
      ownerPrefix: OWNER,
      owners: principals,
    });
    const env = { ...stores.env, BENCH_SPICEDB: JSON.stringify(spiceDb.options) };
    const taskgate = opened.use(await startTaskgate({ env }, { config: LARGE_CACHES }));
    const client = opened.use(createBenchClient(taskgate.ready.grpc));
    await assertWarmCheckAllowed(taskgate.ready.grpc);
    // Coprime to the number of tasks: visits each once, near and far.
    const stride = 7_919;
    let asked = 0;
    const coldCheck = async (): Promise<void> => {
      const index = (asked++ * stride) % tasks;
      await client.assertAllowed(readCheck(`${OWNER}${index % principals}`, 'task', `${PREFIX}${index}`));
    };
    return {
      coldCheck,
      warmMsPerCall: async () =>
        1_000 /
        (await h2load({
          target: taskgate.ready.grpc,
          path: CHECK_TASK_PATH,
          bodyFile: body.path,
          requests: WARM_REQUESTS,
        })),
    };
  };
  const few = await openWorld(FEW);
  const many = await openWorld(MANY);

  await timeAll(COLD_WARM_UP_CHECKS, CONCURRENCY, few.coldCheck);
  await timeAll(COLD_WARM_UP_CHECKS, CONCURRENCY, many.coldCheck);
  const cold = await measureInTurn({
    name: 'growth, cold, p50 in ms',
    rounds: ROUNDS,
    theirs: async () => timeEach(COLD_CHECKS, few.coldCheck),
    ours: async () => timeEach(COLD_CHECKS, many.coldCheck),
  });
  process.stderr.write(`  growth: filling the caches with ${CACHED_CHECKS} checks\n`);
  await timeAll(CACHED_CHECKS, CONCURRENCY, many.coldCheck);
  await few.warmMsPerCall();
  await many.warmMsPerCall();
  const warm = await measureInTurn({
    name: 'growth, warm, ms per call',
    rounds: ROUNDS,
    theirs: few.warmMsPerCall,
    ours: many.warmMsPerCall,
  });
  const world = ({ tasks, principals }: typeof FEW): string => `${tasks} tasks and ${principals} principals`;
  return [
    {
      work: `warm CheckTask among ${world(MANY)}, ${CACHED_CHECKS} others cached: ${spread(warm.ours, 3)} ms a call`,
      reference: `among ${world(FEW)}: ${spread(warm.theirs, 3)} ms a call`,
      ...judgeRatio(warm.ratios, { atMost: MAX_WARM_RATIO }),
    },
    {
      work: `cold CheckTask among ${world(MANY)}, p50: ${spread(cold.ours, 2)} ms`,
      reference: `among ${world(FEW)}, p50: ${spread(cold.theirs, 2)} ms`,
      ...judgeRatio(cold.ratios, { atMost: MAX_COLD_RATIO }),
    },
  ];
}
