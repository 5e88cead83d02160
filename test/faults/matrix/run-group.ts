import { setTimeout as delay } from 'node:timers/promises';
import type { FaultyTaskgate } from '../../support/faulty-taskgate.ts';
import { startFaultyTaskgate } from '../../support/faulty-taskgate.ts';
import type { StoreAddresses } from '../../support/taskgate.ts';
import type { Told } from './ask.ts';
import { ask, isCouldNotTell, nameOf } from './ask.ts';
import type { Cell, Fault, OutcomeKind, Store } from './cells.ts';
import { expectedOf, rightAnswerOf } from './cells.ts';
import { impose } from './impose.ts';
import type { World } from './world.ts';

/** Milliseconds that a call has, by the configuration: no call brings a deadline of its own. */
export const DEADLINE_MS = 2_500;
/** A call must have ended by then: a fifth more than its deadline. */
const BOUND_MS = DEADLINE_MS * 1.2;
/**
 * What a machine that runs several test files on two cores may add: 48 calls, taskgate and the engine of SpiceDB share one
 * process with the clock that measures them.
 */
const SCHEDULING_MS = 1_000;
/** A call that has not ended by then never will. */
const GIVEN_UP_MS = 4 * DEADLINE_MS;
/** Longer than a client waits before it connects again, and than a breaker stays open. */
const RECOVERY_MS = 20_000;

/** In this time what is known of SpiceDB's decisions is given up: Watch is lost within a second, and 5.5 s are promised at worst. */
const FORGETTING_MS = 5_500;
/** Milliseconds between two tries. */
const RETRY_MS = 100;

const SPICEDB_TIMEOUT_MS = 1_500;
/** Nested, and so long that a busy machine does not exceed them. What is in memory is not given up for its age. */
const YAML = `
database: { timeout_ms: 800, connect_timeout_ms: 700 }
spicedb: { timeout_ms: ${SPICEDB_TIMEOUT_MS} }
limits: { default_timeout_ms: ${DEADLINE_MS}, max_stream_timeout_ms: ${DEADLINE_MS} }
parents: { absent_ttl_ms: 60000, name_ttl_ms: 60000 }
decisions: { ttl_ms: 600000 }
`;
const BUDGETS = { yaml: YAML, spiceDbTimeoutMs: SPICEDB_TIMEOUT_MS };
/** As in production. */
const WATCH_SILENCE_MS = 500;

/** What came of one cell while the store failed. */
export interface CellResult {
  readonly cell: Cell;
  readonly told: Told;
  readonly kind: OutcomeKind;
  readonly durationMs: number;
  readonly inTime: boolean;
}

export interface GroupResult {
  readonly store: Store;
  readonly fault: Fault;
  readonly results: readonly CellResult[];
  /** Cells that answered right again after the fault, without a restart. */
  readonly recovered: number;
  /** Milliseconds until the last of them did. */
  readonly recoveredInMs: number;
}

/** The cells of one store and fault, each with its world, which has been written. */
export interface Group {
  readonly store: Store;
  readonly fault: Fault;
  readonly worlds: readonly World[];
}

type Inspect = (faulty: FaultyTaskgate, worlds: readonly World[]) => Promise<void>;

/** Runs every cell against one taskgate while one of its stores fails, and again after. `inspect` may look at it while it fails. */
export async function runGroup(
  { store, fault, worlds }: Group,
  stores: StoreAddresses,
  inspect: Inspect,
): Promise<GroupResult> {
  await using faulty = await startFaultyTaskgate(stores, { budgets: BUDGETS, watchSilenceMs: WATCH_SILENCE_MS });
  // Deregistering remembers nothing, and would take away what is asked about.
  const warm = worlds.filter(({ cell }) => cell.warmth === 'warm' && cell.rpc !== 'DeregisterResource');
  await untilAll(warm, faulty, ({ kind }) => kind === 'right');

  const fails = await impose({ store, fault }, faulty, stores);
  if (store === 'spicedb' && fault !== 'ok')
    await untilAll(warm, faulty, ({ kind }) => kind !== 'right', FORGETTING_MS);
  const results = await Promise.all(
    worlds.map(async (world) =>
      expectedOf(store, fault, world.cell) === 'right' ? askUntilRight(world, faulty) : askCell(world, faulty),
    ),
  );
  await inspect(faulty, worlds);
  await fails[Symbol.asyncDispose]();

  const healedAtMs = performance.now();
  const recovered = await untilAll(worlds, faulty, ({ kind }) => kind === 'right');
  return { store, fault, results, recovered, recoveredInMs: performance.now() - healedAtMs };
}

async function askCell(world: World, { client }: FaultyTaskgate): Promise<CellResult> {
  const { cell } = world;
  const startedAtMs = performance.now();
  const told = await ask(client, world, { signal: AbortSignal.timeout(GIVEN_UP_MS) });
  const durationMs = performance.now() - startedAtMs;
  const kind = told === rightAnswerOf(cell) ? 'right' : isCouldNotTell(told) ? 'could not tell' : 'wrong';
  return { cell, told, kind, durationMs, inTime: durationMs <= BOUND_MS + SCHEDULING_MS };
}

/**
 * Where a right answer is due, an error is what a busy machine makes of it and no wrong answer: it is asked for again. Each
 * call has to be in time.
 */
async function askUntilRight(world: World, faulty: FaultyTaskgate): Promise<CellResult> {
  const untilMs = performance.now() + RECOVERY_MS;
  let inTime = true;
  for (;;) {
    const result = await askCell(world, faulty);
    inTime &&= result.inTime;
    if (result.kind !== 'could not tell' || performance.now() > untilMs) return { ...result, inTime };
    await delay(RETRY_MS);
  }
}

/**
 * Asks each until it is as it should be, all at the same time.
 *
 * @returns how many came to be.
 * @throws Error if any answer is wrong on the way, or does not come to be what it should.
 */
async function untilAll(
  worlds: readonly World[],
  faulty: FaultyTaskgate,
  isAsItShouldBe: (result: CellResult) => boolean,
  withinMs = RECOVERY_MS,
): Promise<number> {
  const untilMs = performance.now() + withinMs;
  await Promise.all(
    worlds.map(async (world) => {
      for (;;) {
        const result = await askCell(world, faulty);
        if (result.kind === 'wrong') throw new Error(`${nameOf(world.cell)}: ${result.told}`);
        if (isAsItShouldBe(result)) return;
        if (performance.now() > untilMs) throw new Error(`${nameOf(world.cell)} stays ${result.told}`);
        await delay(RETRY_MS);
      }
    }),
  );
  return worlds.length;
}
