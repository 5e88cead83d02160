import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { ATTACKS } from '../support/attacks.ts';
import { startGoodCallers } from '../support/good-callers.ts';
import { NODE_FLAGS } from '../support/node-flags.ts';
import { watchMemory } from '../support/process-memory.ts';
import type { ServedTaskgate } from '../support/served-taskgate.ts';
import { serveTaskgate } from '../support/served-taskgate.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { waitUntil } from '../support/wait-until.ts';

/**
 * Resident memory of the process under any attack, with caches that are nearly empty: what Node, the code and its sources
 * take (about 130 MiB), the young generation, `max_receiving_bytes` on both listeners, and garbage that is not collected
 * yet. What is deployed has a limit, and its own test.
 */
const MAX_RESIDENT_MIB = 288;
const ATTACK_MS = 4_000;
const RIGHT_ANSWERS = 20;
const PATIENCE_MS = 180_000;

let stores: SampleStores;
let proxy: FaultProxy;
let gate: ServedTaskgate;
beforeAll(async () => {
  stores = await startSampleStores();
  proxy = await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint));
  gate = await serveTaskgate({ spiceDb: proxy.address, databaseUrl: stores.databaseUrl, nodeFlags: NODE_FLAGS });
});
afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

it.each(Object.entries(ATTACKS))(
  'answers good callers right, within its memory, under %s',
  { timeout: 2 * PATIENCE_MS },
  async (name, start) => {
    using memory = watchMemory(gate.pid);
    await using good = startGoodCallers(gate.addresses);
    await waitUntil(() => (good.right >= 2 ? true : undefined), { what: 'a first answer', timeoutMs: PATIENCE_MS });
    const before = good.right;
    await using attack = start(gate.addresses);
    await delay(ATTACK_MS);
    await waitUntil(() => (good.right > before + RIGHT_ANSWERS ? true : undefined), {
      what: 'enough answers under attack',
      timeoutMs: PATIENCE_MS,
    });
    const { peakMib } = memory;
    process.stdout.write(
      `  ${name}: ${peakMib.toFixed(0)} MiB at most, ${attack.count} times, ${good.right - before} right\n`,
    );
    expect(attack.count).toBeGreaterThan(0);
    expect(good.wrong).toEqual([]);
    expect(peakMib).toBeLessThan(MAX_RESIDENT_MIB);
    expect(gate.run.child.exitCode).toBeNull();
  },
);
