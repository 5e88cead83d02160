import type { RelationshipPage } from '../../authorize/ports-lifecycle.ts';
import { FailedPreconditionError } from '../../domain/errors.ts';
import type { Engine, ReconcileType } from './engine.ts';
import { orProblem, typeRunOf } from './engine.ts';
import { readAhead } from './read-ahead.ts';
import type { TypeRun } from './run-state.ts';
import { addCandidate } from './run-state.ts';

/**
 * The first pass: walks all relationships of the types, and makes a candidate of every resource in them, as object or as
 * subject, that has no row. All relations count, because a deregister that was cut off leaves any of them.
 *
 * @returns false if it was stopped.
 */
export async function findOrphans(engine: Engine): Promise<boolean> {
  const { run, deps, options, signal } = engine;
  const types = options.types.map(({ registration }) => registration.type);
  while (run.position.step === 'relationships') {
    const { type } = run.position;
    const typeRun = typeRunOf(engine, type);
    const isKnown = options.types.some(({ registration, rows }) => registration.type === type && rows !== undefined);
    if (isKnown && typeRun.problem === undefined) {
      const isEnded = await orProblem(typeRun, 'the relationships could not be read', async () => walk(engine, type));
      if (isEnded === false) return false;
    }
    const next = types[types.indexOf(type) + 1];
    run.position =
      next === undefined ? { step: 'orphans', sinceMs: deps.clock.nowMs() } : { step: 'relationships', type: next };
    await deps.checkpoint(run);
    if (signal.aborted) return false;
  }
  return true;
}

async function walk(engine: Engine, type: string): Promise<boolean> {
  try {
    return await walkFromPosition(engine, type);
  } catch (error) {
    // The run was stopped for so long that the revision of its cursor is no longer kept.
    if (!(error instanceof FailedPreconditionError)) throw error;
    typeRunOf(engine, type).resources = 0;
    engine.run.position = { step: 'relationships', type };
    return walkFromPosition(engine, type);
  }
}

async function walkFromPosition(engine: Engine, type: string): Promise<boolean> {
  const { run, deps, signal } = engine;
  const typeRun = typeRunOf(engine, type);
  const { position } = run;
  let { cursor, lastId } = position.step === 'relationships' ? position : { cursor: undefined, lastId: undefined };
  const scan = async (from: string | undefined): Promise<RelationshipPage> =>
    engine.call(async (context) => deps.reader.scan(type, from, context));
  for await (const page of readAhead(cursor, scan, (read) => read.cursor)) {
    const resources = await addCandidates(engine, page, lastId);
    typeRun.resources += resources;
    ({ cursor } = page);
    lastId = page.relationships.findLast(({ object }) => object.id !== undefined)?.object.id ?? lastId;
    const isEnded = cursor === undefined || typeRun.problem !== undefined;
    reportWalk(engine, typeRun, { type, isEnded });
    if (cursor === undefined || typeRun.problem !== undefined) return true;
    run.position = { step: 'relationships', type, cursor, ...(lastId === undefined ? {} : { lastId }) };
    await deps.checkpoint(run);
    await engine.reads.take(resources, signal);
    if (signal.aborted) return false;
  }
  return true;
}

/** @returns how many resources come for the first time: those of one object are together, so only `lastId` can be known. */
async function addCandidates(
  engine: Engine,
  { relationships }: RelationshipPage,
  lastId: string | undefined,
): Promise<number> {
  const idsByType = new Map<string, Set<string>>();
  for (const { object, subject } of relationships) {
    for (const { type: named, id } of [object, subject]) {
      // What is not ours, such as a sentinel, has no row and is no orphan.
      if (id === undefined) continue;
      const ids = idsByType.get(named);
      if (ids === undefined) idsByType.set(named, new Set([id]));
      else ids.add(id);
    }
  }
  const objects = new Set(
    relationships.flatMap(({ object: { id } }) => (id === undefined || id === lastId ? [] : [id])),
  );
  await Promise.all(
    engine.options.types.map(async (known) => {
      const ids = idsByType.get(known.registration.type);
      if (ids !== undefined) await probe(engine, known, [...ids]);
    }),
  );
  return objects.size;
}

async function probe(engine: Engine, { registration, rows }: ReconcileType, ids: readonly string[]): Promise<void> {
  const typeRun = typeRunOf(engine, registration.type);
  if (rows === undefined || typeRun.problem !== undefined) return;
  await orProblem(typeRun, 'the table could not be read', async () => {
    const present = await engine.call(async (context) => rows.present(ids, context));
    for (const id of ids) if (!present.has(id)) addCandidate(typeRun, id);
  });
}

function reportWalk(
  { deps }: Engine,
  { resources, counted, candidates }: TypeRun,
  { type, isEnded }: { readonly type: string; readonly isEnded: boolean },
): void {
  deps.observer({
    step: 'relationships',
    type,
    done: resources,
    total: counted,
    drift: candidates.size,
    isEnded,
  });
}
