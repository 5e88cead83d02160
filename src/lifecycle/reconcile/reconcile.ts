import type { ReconcileDeps, ReconcileOptions } from './engine.ts';
import { createEngine, orProblem, typeRunOf } from './engine.ts';
import { findOrphans } from './find-orphans.ts';
import { findUnregistered } from './find-unregistered.ts';
import { removeOrphans } from './remove-orphans.ts';
import type { RunState } from './run-state.ts';

/**
 * Compares relationships and rows from where the run stands, and repairs what differs if the run is to act. The orphans
 * come first: a row that comes while its relationships are removed is then found by the walk of the rows.
 *
 * The two sides have no order in common (each sorts ids by a collation of its own), so there is no merge: each is walked
 * in its own order, and the other side is asked a page at a time.
 *
 * @returns false if it was stopped; `run` then goes on from there. What could not be told is the problem of its type.
 */
export async function reconcile(
  deps: ReconcileDeps,
  options: ReconcileOptions,
  run: RunState,
  signal: AbortSignal,
): Promise<boolean> {
  const engine = createEngine(deps, options, run, signal);
  for (const { registration, rows } of options.types) {
    const typeRun = typeRunOf(engine, registration.type);
    if (rows === undefined || typeRun.counted !== undefined || typeRun.problem !== undefined) continue;
    await orProblem(typeRun, 'the rows could not be counted', async () => {
      typeRun.counted = await engine.call(async (context) => rows.count(context));
    });
  }
  return (await findOrphans(engine)) && (await removeOrphans(engine)) && findUnregistered(engine);
}
