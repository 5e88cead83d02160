import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Relationship } from '../../../src/authorize/ports.ts';
import { createRelationshipChain } from '../../../src/relationships/relationship-chain.ts';
import type { FaultyTaskgate } from '../../support/faulty-taskgate.ts';
import { startFaultyTaskgate } from '../../support/faulty-taskgate.ts';
import type { HostileSpiceDb } from '../../support/hostile-spicedb.ts';
import { startHostileSpiceDb } from '../../support/hostile-spicedb.ts';
import { callContext, SYSTEM_CLOCK } from '../../support/spicedb.ts';
import type { SampleStores } from '../../support/taskgate.ts';
import { startSampleStores } from '../../support/taskgate.ts';
import { isCouldNotTell } from './ask.ts';
import { expectNothingLeaks, expectNothingLogged } from './expect-no-leak.ts';
import { ERROR_STATUSES, HUGE, WRONG_SHAPES } from './hostile-answers.ts';
import type { Scenario } from './scenarios.ts';
import { createScenarios } from './scenarios.ts';
import type { World } from './world.ts';
import { writeWorlds } from './world.ts';

/** Longer than any deadline of these tests: a call that has not ended by then hangs. */
const HUNG_MS = 15_000;
/** Longer than a snapshot of minimise-latency can be behind. */
const SOON = { timeout: 12_000, interval: 100 };
const YAML = `
database: { timeout_ms: 1000, connect_timeout_ms: 900 }
spicedb: { timeout_ms: 4000 }
limits: { default_timeout_ms: 6000, max_stream_timeout_ms: 6000 }
`;
const BUDGETS = { yaml: YAML, spiceDbTimeoutMs: 4_000 };
/** Every check is asked anew. */
const UNCACHED = 'decisions: { cache: false }\n';

const SHAPES = Object.entries(WRONG_SHAPES).flatMap(([method, shapes]) =>
  Object.entries(shapes).map(([shape, attack]) => ({ method, shape, attack })),
);
/** Asked when nobody calls. */
const IN_THE_BACKGROUND = new Set(['ReadSchema', 'Watch']);
const ASKED_BY_CALLS = SHAPES.filter(({ method }) => !IN_THE_BACKGROUND.has(method));

const scenariosOf = new Map<string, readonly Scenario[]>(
  [...SHAPES.map(({ method, shape }) => `${method}, ${shape}`), 'statuses', 'huge'].map((name, index) => [
    name,
    createScenarios(`hostile-${index}`),
  ]),
);

let stores: SampleStores;
let hostile: HostileSpiceDb;
let faulty: FaultyTaskgate;
beforeAll(async () => {
  stores = await startSampleStores();
  const scenarios = [...scenariosOf.values()].flat();
  await writeWorlds(
    stores,
    scenarios.map(({ world }) => world),
  );
  hostile = await startHostileSpiceDb(stores.spiceDb.endpoint);
  faulty = await startOn(hostile, UNCACHED);
});
afterAll(async () => {
  await faulty[Symbol.asyncDispose]();
  await hostile[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

async function startOn({ port }: HostileSpiceDb, yaml = ''): Promise<FaultyTaskgate> {
  const spiceDb = { ...stores.spiceDb, endpoint: `127.0.0.1:${port}` };
  return startFaultyTaskgate({ ...stores, spiceDb }, { budgets: BUDGETS, yaml });
}

/** The first one goes alone, since checks that are asked together are one bulk. */
async function runAll([first, ...others]: readonly Scenario[]): Promise<readonly string[]> {
  if (first === undefined) throw new Error('no scenarios');
  return [await runOne(first), ...(await Promise.all(others.map(runOne)))];
}

async function runOne({ name, right, run }: Scenario): Promise<string> {
  const told = await run(faulty.client, { signal: AbortSignal.timeout(HUNG_MS) });
  if (told === right) return `${name}: right`;
  return `${name}: ${isCouldNotTell(told) ? 'could not tell' : `WRONG, ${told}`}`;
}

function scenariosNamed(name: string): readonly Scenario[] {
  return scenariosOf.get(name) ?? [];
}

describe('a SpiceDB that answers one method wrongly', () => {
  it.each(ASKED_BY_CALLS)('is not believed: $method, $shape', async ({ method, shape, attack }) => {
    const attacksBefore = hostile.attacks;
    hostile.attack((asked) => (asked === method ? attack : undefined));
    const outcomes = await runAll(scenariosNamed(`${method}, ${shape}`));
    hostile.attack(() => undefined);
    expect(outcomes.filter((outcome) => outcome.includes('WRONG'))).toEqual([]);
    expect(hostile.attacks).toBeGreaterThan(attacksBefore);
    // Whatever was written is written once: the same again is right.
    const after = await runAll(scenariosNamed(`${method}, ${shape}`));
    expect(after.filter((outcome) => !outcome.endsWith('right'))).toEqual([]);
    expectNothingLogged(faulty);
  });
});

it.each(ERROR_STATUSES)('repeats nothing of an error with status $code, and takes it for no answer', async (answer) => {
  const scenarios = scenariosNamed('statuses');
  hostile.attack(() => () => answer);
  const outcomes = await runAll(scenarios);
  await expectNothingLeaks(
    faulty,
    scenarios.map(({ world }) => world),
  );
  hostile.attack(() => undefined);
  expect(outcomes).toEqual(scenarios.map(({ name }) => `${name}: could not tell`));
});

it('takes a message that is too long for no answer, and goes on', async () => {
  const scenarios = scenariosNamed('huge');
  const [check] = scenarios;
  const list = scenarios.find(({ name }) => name === 'ListReadableTasks');
  if (check === undefined || list === undefined) throw new Error('no scenarios');
  hostile.attack((method) => (['CheckPermission', 'LookupResources'].includes(method) ? HUGE : undefined));
  expect(await runAll([check, list])).toEqual([`${check.name}: could not tell`, `${list.name}: could not tell`]);
  hostile.attack(() => undefined);
  // The breaker may have been opened.
  await vi.waitFor(async () => expect(await runAll([check])).toEqual([`${check.name}: right`]), { timeout: 20_000 });
  expect(await runAll(scenarios)).toEqual(scenarios.map(({ name }) => `${name}: right`));
});

it.each(SHAPES.filter(({ method }) => IN_THE_BACKGROUND.has(method)))(
  'keeps no decision while what tells of changes can not be understood: $method, $shape',
  async ({ method, shape, attack }) => {
    await using liar = await startHostileSpiceDb(stores.spiceDb.endpoint);
    liar.attack((asked) => (asked === method ? attack : undefined));
    await using misled = await startOn(liar);
    const check = scenariosNamed(`${method}, ${shape}`).find(({ name }) => name === 'CheckTask');
    if (check === undefined) throw new Error('no scenario');
    const outcome = async () => check.run(misled.client, { signal: AbortSignal.timeout(HUNG_MS) });
    await vi.waitFor(async () => expect(await outcome()).toBe('ALLOWED'), SOON);
    await revokePastTaskgate(check.world);
    await vi.waitFor(async () => expect(await outcome()).toBe('NOT_FOUND'), SOON);
    expect(liar.attacks).toBeGreaterThan(0);
    expectNothingLogged(misled);
  },
);

async function revokePastTaskgate({ task, owner }: World): Promise<void> {
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
  const owned: Relationship = {
    object: { kind: 'resource', type: 'task', id: task },
    relation: 'owner',
    subject: { kind: 'principal', principalKind: 'user', id: owner },
  };
  try {
    await chain.writer.write({ remove: [owned] }, callContext());
  } finally {
    chain.close();
  }
}
