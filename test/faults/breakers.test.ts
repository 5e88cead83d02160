import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { CallOptions } from '../support/transports.ts';
import type { CheckRequest } from '../support/check-requests.ts';
import { ask } from '../support/check-requests.ts';
import type { FaultyTaskgate, StoreName } from '../support/faulty-taskgate.ts';
import { startFaultyTaskgate } from '../support/faulty-taskgate.ts';
import { readMetric } from '../support/metrics.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';

const { checkTask, listReadableTasks } = AuthorizationService.method;
/** Longer than a breaker is open, and than two rounds of readiness probes at their time limit. */
const SOON = { timeout: 12_000, interval: 50 };
const QUICK = 'breakers: { min_calls: 4, open_ms: 200, max_open_ms: 400 }';
/** Open for longer than the test: nothing probes. */
const LASTING = 'breakers: { min_calls: 4, open_ms: 60000, max_open_ms: 60000 }';

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores[Symbol.asyncDispose]());

let asked = 0;
/** A check that needs the store and that nothing remembers; a message that is not there, or a check that is always asked. */
function coldFor(store: StoreName): CheckRequest {
  asked += 1;
  return store === 'spicedb'
    ? ask('alice', 'task', 'task-1', Operation.DELETE)
    : ask('alice', 'message', `msg-none-${asked}`);
}

async function outcomeOf({ client }: FaultyTaskgate, request: CheckRequest, options?: CallOptions): Promise<string> {
  const outcome = await client.call(checkTask, request, options);
  return outcome.kind === 'message' ? Decision[outcome.message.decision] : `${outcome.code}: ${outcome.message}`;
}

async function metric({ gate }: FaultyTaskgate, series: string): Promise<number> {
  return readMetric(gate.addresses.admin, series);
}

async function isInState(faulty: FaultyTaskgate, store: StoreName, state: string): Promise<boolean> {
  return (await metric(faulty, `taskgate_breaker_state{dependency="${store}",state="${state}"}`)) === 1;
}

/** Calls until the breaker is open. */
async function callUntilOpen(faulty: FaultyTaskgate, store: StoreName): Promise<void> {
  await vi.waitFor(async () => {
    await outcomeOf(faulty, coldFor(store));
    expect(await isInState(faulty, store, 'open')).toBe(true);
  }, SOON);
}

describe.concurrent.each([
  ['database', 'refuse', 'NOT_FOUND'],
  ['database', 'hang', 'NOT_FOUND'],
  ['spicedb', 'refuse', 'ALLOWED'],
  ['spicedb', 'hang', 'ALLOWED'],
] as const)('%s: %s', (store, mode, decided) => {
  const down = `UNAVAILABLE: ${store} is unavailable: nothing was decided`;

  it('fails calls at once while its breaker is open', async () => {
    await using faulty = await startFaultyTaskgate(stores, { yaml: LASTING });
    await vi.waitFor(async () => expect(await outcomeOf(faulty, coldFor(store))).toBe(decided), SOON);
    await faulty.stores[store].setMode(mode);
    await callUntilOpen(faulty, store);

    const rejected = `taskgate_breaker_rejected_total{dependency="${store}"}`;
    const before = await metric(faulty, rejected);
    const durations: number[] = [];
    for (let call = 0; call < 40; call += 1) {
      const startedAtMs = performance.now();
      expect(await outcomeOf(faulty, coldFor(store))).toBe(down);
      durations.push(performance.now() - startedAtMs);
    }
    expect((await metric(faulty, rejected)) - before).toBeGreaterThanOrEqual(40);
    // The budgets are 250 and 400 ms. A busy machine may delay some of the calls, and not half of them.
    expect(durations.toSorted((a, b) => a - b)[20]).toBeLessThan(200);
    expect(
      faulty.gate.logged.filter((line) => line.includes('the breaker is open') && line.includes(store)),
    ).not.toEqual([]);
  });

  it('decides again when the store is back, without a restart', async () => {
    await using faulty = await startFaultyTaskgate(stores, { yaml: QUICK });
    await vi.waitFor(async () => expect(await outcomeOf(faulty, coldFor(store))).toBe(decided), SOON);
    await faulty.stores[store].setMode(mode);
    await callUntilOpen(faulty, store);
    await faulty.stores[store].setMode('ok');
    await vi.waitFor(async () => expect(await outcomeOf(faulty, coldFor(store))).toBe(decided), SOON);
    await vi.waitFor(async () => expect(await isInState(faulty, store, 'closed')).toBe(true), SOON);
    for (const state of ['open', 'half_open', 'closed']) {
      const transitions = `taskgate_breaker_transitions_total{dependency="${store}",state="${state}"}`;
      expect(await metric(faulty, transitions)).toBeGreaterThanOrEqual(1);
    }
  });

  it('becomes ready again when the store is back, though nobody calls', async () => {
    await using faulty = await startFaultyTaskgate(stores, { yaml: QUICK });
    await faulty.stores[store].setMode(mode);
    await callUntilOpen(faulty, store);
    await vi.waitFor(async () => expect(await faulty.readiness()).toMatchObject({ status: 503 }), SOON);
    await faulty.stores[store].setMode('ok');
    await vi.waitFor(async () => expect(await faulty.readiness()).toMatchObject({ status: 200 }), SOON);
    expect(await isInState(faulty, store, 'closed')).toBe(true);
  });
});

describe.concurrent.each(['refuse', 'hang'] as const)('Redis: %s', (mode) => {
  it('is not asked while its breaker is open, decisions are the same, and it is asked again when it is back', async () => {
    await using faulty = await startFaultyTaskgate(stores, { yaml: QUICK });
    await faulty.stores.redis.setMode(mode);
    await vi.waitFor(async () => {
      expect(await outcomeOf(faulty, coldFor('redis'))).toBe('NOT_FOUND');
      expect(await isInState(faulty, 'redis', 'open')).toBe(true);
    }, SOON);
    expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toBe('ALLOWED');
    expect(await outcomeOf(faulty, ask('dave', 'state', 'state-1'))).toBe('NOT_FOUND');
    await faulty.stores.redis.setMode('ok');
    await vi.waitFor(async () => {
      expect(await outcomeOf(faulty, coldFor('redis'))).toBe('NOT_FOUND');
      expect(await isInState(faulty, 'redis', 'closed')).toBe(true);
    }, SOON);
  });
});

it.concurrent('a list fails at once while the breaker of SpiceDB is open', async () => {
  await using faulty = await startFaultyTaskgate(stores, { yaml: LASTING });
  await faulty.stores.spicedb.setMode('hang');
  await callUntilOpen(faulty, 'spicedb');
  const startedAtMs = performance.now();
  const pages = faulty.client.stream(listReadableTasks, {
    principal: ask('alice', 'task', 'task-1').principal,
    operation: Operation.READ,
  });
  const first = await pages.next();
  expect(first).toMatchObject({ done: true, value: { code: 'UNAVAILABLE' } });
  // A stream may take minutes.
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
});

it.concurrent('callers that leave, or that give too little time, never open a breaker', async () => {
  // Readiness has time enough, and counts: every two seconds.
  const yaml = LASTING.replace('min_calls: 4', 'min_calls: 8');
  await using faulty = await startFaultyTaskgate(stores, { yaml });
  await vi.waitFor(async () => expect(await outcomeOf(faulty, coldFor('spicedb'))).toBe('ALLOWED'), SOON);
  await faulty.stores.spicedb.setMode('hang');
  for (let call = 0; call < 15; call += 1) {
    const caller = new AbortController();
    const cancelled = outcomeOf(faulty, coldFor('spicedb'), { signal: caller.signal });
    setTimeout(() => caller.abort(), 30);
    expect(await cancelled).toMatch(/^CANCELLED/);
    expect(await outcomeOf(faulty, coldFor('spicedb'), { timeoutMs: 30 })).toMatch(/^DEADLINE_EXCEEDED/);
  }
  expect(await isInState(faulty, 'spicedb', 'closed')).toBe(true);
  // The same calls with all of their time do.
  await callUntilOpen(faulty, 'spicedb');
});
