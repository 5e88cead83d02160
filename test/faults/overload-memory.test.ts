import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ATTACKS } from '../support/attacks.ts';
import { item, user } from '../support/check-requests.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { startGoodCallers } from '../support/good-callers.ts';
import { createMemoryLimit } from '../support/memory-limit.ts';
import { NODE_FLAGS } from '../support/node-flags.ts';
import { watchMemory } from '../support/process-memory.ts';
import { serveTaskgate } from '../support/served-taskgate.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { execute } from '../support/test-database.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';

const MIB = 1024 * 1024;
/** The limit of the container that it is made for. */
const LIMIT_MIB = 256;
/** More parents and decisions than the caches keep by default. */
const DIFFERENT_CHECKS = 100_000;
const BATCH = 1_000;
const ATTACK_MS = 2_000;
const PATIENCE_MS = 60_000;

let stores: SampleStores;
beforeAll(async () => {
  // As it is deployed: what strips types from the sources takes 12 MiB of its own.
  await promisify(execFile)('npm', ['run', 'build']);
  stores = await startSampleStores();
  await execute(
    stores.databaseUrl,
    `INSERT INTO messages (id, task_id) SELECT 'many-' || n, 'task-of-' || n FROM generate_series(1, ${DIFFERENT_CHECKS}) n`,
  );
});
afterAll(async () => stores[Symbol.asyncDispose]());

it(`runs in ${LIMIT_MIB} MiB with full caches, under every attack`, { timeout: 10 * PATIENCE_MS }, async () => {
  // Without the right to make one, what the process holds is looked at all the same.
  using limit = createMemoryLimit(LIMIT_MIB * MIB);
  await using proxy = await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint));
  await using gate = await serveTaskgate({
    spiceDb: proxy.address,
    databaseUrl: stores.databaseUrl,
    main: 'dist/main.js',
    nodeFlags: NODE_FLAGS,
    memoryLimit: limit,
    yaml: 'spicedb: { watch_silence_ms: 0, timeout_ms: 20000 }\ndatabase: { timeout_ms: 10000 }\nlimits: { default_timeout_ms: 30000, max_timeout_ms: 60000 }\n',
  });
  using memory = watchMemory(gate.pid);
  await using client = createGrpcClient('gRPC', gate.addresses.grpc);
  const report = (what: string): void => {
    const peak = limit === undefined ? '' : `, ${(limit.peakBytes() / MIB).toFixed(0)} MiB with its files`;
    process.stdout.write(`  ${what}: ${memory.peakMib.toFixed(0)} MiB anonymous at most${peak}\n`);
  };
  report('at the start');
  for (let from = 1; from <= DIFFERENT_CHECKS; from += BATCH) {
    const checks = Array.from({ length: BATCH }, (_, index) => item('message', `many-${from + index}`, Operation.READ));
    const outcome = await client.call(
      AuthorizationService.method.batchCheckTask,
      { principal: user('alice'), checks },
      { timeoutMs: PATIENCE_MS },
    );
    if (outcome.kind === 'error') throw new Error(`${outcome.code}: ${outcome.message}`);
    const decisions = outcome.message.results.map((result) =>
      result.outcome.case === 'answer' ? result.outcome.value.decision : result.outcome.value,
    );
    expect(new Set(decisions)).toEqual(new Set([Decision.NOT_FOUND]));
  }
  report(`${DIFFERENT_CHECKS} different checks`);
  await using good = startGoodCallers(gate.addresses);
  for (const [name, start] of Object.entries(ATTACKS)) {
    await using _ = start(gate.addresses);
    const { right } = good;
    const endsAt = performance.now() + ATTACK_MS;
    if (gate.run.child.signalCode !== null)
      throw new Error(`killed before ${name}: ${limit?.kills()} times out of memory`);
    await waitUntil(() => (performance.now() > endsAt && good.right > right ? true : undefined), {
      what: `an answer under ${name}`,
      timeoutMs: PATIENCE_MS,
    });
    report(name);
  }
  expect(good.wrong).toEqual([]);
  expect(gate.run.child.exitCode).toBeNull();
  expect(gate.run.child.signalCode).toBeNull();
  expect(limit?.kills() ?? 0).toBe(0);
  expect(memory.peakMib).toBeLessThan(LIMIT_MIB);
});
