import type { RelationshipObject } from '../../authorize/ports.ts';
import type { RelationshipPattern } from '../../authorize/ports-lifecycle.ts';
import { deregister } from '../deregister-resource.ts';
import { mapAtOnce } from './at-once.ts';
import type { Engine, ReconcileType } from './engine.ts';
import { orProblem, typeRunOf } from './engine.ts';
import { prunable } from './prune-limit.ts';
import type { TypeRun } from './run-state.ts';
import { addFound } from './run-state.ts';

const MINUTE_MS = 60_000;
/** Removing what thousands of others name takes many writes, each of which has a deadline of its own. */
const REMOVE_TIMEOUT_MS = 10 * MINUTE_MS;
const PROBED_AT_ONCE = 1_000;
const TICK_MS = 1_000;
const READS_AT_ONCE = 16;
const REMOVED_AT_ONCE = 100;
const WRITES_AT_ONCE = 8;

/** A type with rows to look for. */
type WithRows = ReconcileType & { readonly rows: NonNullable<ReconcileType['rows']> };

/**
 * The second pass, when the grace period is over: confirms the candidates, and removes them if they are few enough and
 * the table has not shrunk. A create that was under way in the first pass has its row by now.
 *
 * @returns false if it was stopped.
 */
export async function removeOrphans(engine: Engine): Promise<boolean> {
  const { run, deps, options, signal } = engine;
  if (run.position.step !== 'orphans') return true;
  const types = options.types.filter((type): type is WithRows => type.rows !== undefined);
  if (types.some(({ registration }) => typeRunOf(engine, registration.type).candidates.size > 0)) {
    await waitForGrace(engine, run.position.sinceMs);
  }
  for (const type of types) {
    if (signal.aborted) return false;
    const typeRun = typeRunOf(engine, type.registration.type);
    if (typeRun.problem !== undefined || typeRun.candidates.size === 0) continue;
    const isEnded = await orProblem(typeRun, 'the orphans could not be confirmed and removed', async () => {
      typeRun.counted = await engine.call(async (context) => type.rows.count(context));
      if (!(await confirm(engine, type, typeRun))) return false;
      const refusal = refuse(engine, type.registration.type, typeRun);
      if (refusal !== undefined) typeRun.refusal = refusal;
      else if (run.apply) return remove(engine, type, typeRun);
      return true;
    });
    if (isEnded === false) return false;
    if (isEnded === true) reportRemaining(typeRun);
    await deps.checkpoint(run);
  }
  const [first] = options.types;
  run.position = first === undefined ? { step: 'end' } : { step: 'rows', type: first.registration.type };
  await deps.checkpoint(run);
  return true;
}

async function waitForGrace({ deps, options, signal }: Engine, sinceMs: number): Promise<void> {
  const { graceMs } = options;
  const startMs = Math.max(0, deps.clock.nowMs() - sinceMs);
  for (let doneMs = startMs; doneMs < graceMs && !signal.aborted; doneMs += TICK_MS) {
    deps.observer({ step: 'grace', type: undefined, done: doneMs, total: graceMs, drift: 0, isEnded: false });
    await deps.wait(Math.min(TICK_MS, graceMs - doneMs), signal);
  }
  if (signal.aborted) return;
  deps.observer({ step: 'grace', type: undefined, done: graceMs, total: graceMs, drift: 0, isEnded: true });
}

/** Keeps the candidates that have no row still and relationships still. @returns false if it was stopped. */
async function confirm(engine: Engine, { registration, rows }: WithRows, typeRun: TypeRun): Promise<boolean> {
  const { deps, signal } = engine;
  const { type } = registration;
  const total = typeRun.candidates.size;
  let done = 0;
  for (const ids of chunked([...typeRun.candidates], PROBED_AT_ONCE)) {
    if (signal.aborted) return false;
    const present = await engine.call(async (context) => rows.present(ids, context));
    const areOrphans = await mapAtOnce(ids, READS_AT_ONCE, async (id) => {
      if (present.has(id)) return false;
      const object: RelationshipObject = { kind: 'resource', type, id };
      const exists = async (pattern: RelationshipPattern): Promise<boolean> =>
        engine.call(async (context) => deps.reader.exists(pattern, context));
      return (await exists({ object })) || exists({ subject: { kind: 'object', object } });
    });
    for (const [index, id] of ids.entries()) if (areOrphans[index] !== true) typeRun.candidates.delete(id);
    done += ids.length;
    deps.observer({ step: 'confirm', type, done, total, drift: typeRun.candidates.size, isEnded: done === total });
  }
  return true;
}

/** Why nothing of the type may be pruned, if so. */
function refuse(
  { options }: Engine,
  type: string,
  { candidates, candidatesOmitted, counted = 0, resources, repaired }: TypeRun,
): string | undefined {
  const orphans = candidates.size + candidatesOmitted + repaired.orphan;
  if (candidates.size === 0) return undefined;
  const { minRowsShare, rowsBefore, pruneLimits } = options;
  if (minRowsShare > 0) {
    const before = rowsBefore[type] ?? 0;
    if (counted === 0) return 'the table is empty: nothing is pruned';
    if (counted < before * minRowsShare) {
      return `the table has ${counted} rows and had ${before} last time: nothing is pruned`;
    }
  }
  const limit = prunable(pruneLimits, resources);
  if (candidatesOmitted === 0 && orphans <= limit) return undefined;
  return `${orphans} of ${resources} registered resources are orphans, and at most ${limit} may be pruned: nothing is`;
}

/** @returns false if it was stopped. */
async function remove(engine: Engine, type: WithRows, typeRun: TypeRun): Promise<boolean> {
  const { deps, run, signal } = engine;
  const { registration, rows } = type;
  const total = typeRun.candidates.size;
  for (const ids of chunked([...typeRun.candidates], REMOVED_AT_ONCE)) {
    const present = await engine.call(async (context) => rows.present(ids, context));
    for (const id of present) typeRun.candidates.delete(id);
    await mapAtOnce(
      ids.filter((id) => !present.has(id)),
      WRITES_AT_ONCE,
      async (id) => {
        await engine.writes.take(1, signal);
        if (signal.aborted) return;
        const removed = { registration, id, account: undefined };
        await engine.call(async (context) => deregister(deps.writer, removed, context), {
          timeoutMs: REMOVE_TIMEOUT_MS,
        });
        typeRun.candidates.delete(id);
        addFound(typeRun, { kind: 'orphan', id }, { isRepaired: true });
      },
    );
    // A row that has come meanwhile is registered again by the walk of the table, which comes next.
    if (!type.canRegister) {
      for (const id of await engine.call(async (context) => rows.present(ids, context))) {
        if (present.has(id)) continue;
        addFound(
          typeRun,
          { kind: 'unregistered', id, detail: 'its row came while its relationships were removed' },
          { isRepaired: false },
        );
      }
    }
    deps.observer({
      step: 'remove',
      type: registration.type,
      done: total - typeRun.candidates.size,
      total,
      drift: typeRun.candidates.size,
      isEnded: typeRun.candidates.size === 0,
    });
    await deps.checkpoint(run);
    if (signal.aborted) return typeRun.candidates.size === 0;
  }
  return true;
}

/** What was confirmed and stays. */
function reportRemaining(typeRun: TypeRun): void {
  for (const id of typeRun.candidates) addFound(typeRun, { kind: 'orphan', id }, { isRepaired: false });
  typeRun.found.orphan += typeRun.candidatesOmitted;
  typeRun.itemsOmitted += typeRun.candidatesOmitted;
  typeRun.candidates.clear();
  typeRun.candidatesOmitted = 0;
}

function* chunked<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
