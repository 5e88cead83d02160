import type { RelationshipObject } from '../../authorize/ports.ts';
import type { RegisteredRow } from '../../authorize/ports-lifecycle.ts';
import { identifierProblem } from '../../domain/identifier.ts';
import type { Registration } from '../../domain/registration.ts';
import { mapAtOnce } from './at-once.ts';
import type { DriftItem } from './drift.ts';
import type { Engine, ReconcileType } from './engine.ts';
import { orProblem, typeRunOf } from './engine.ts';
import { readAhead } from './read-ahead.ts';
import type { CompleteRow } from './register-rows.ts';
import { registerRows } from './register-rows.ts';
import { addFound } from './run-state.ts';

/** What SpiceDB answers best in one bulk. */
const DEFAULT_PAGE_SIZE = 2_500;
const READS_AT_ONCE = 16;

/**
 * Walks the tables of the types, and finds the rows that are not registered in their account. Those that have no
 * relationships at all are registered, if the run is to act; the others are reported.
 *
 * @returns false if it was stopped.
 */
export async function findUnregistered(engine: Engine): Promise<boolean> {
  const { run, deps, options, signal } = engine;
  const types = options.types.map(({ registration }) => registration.type);
  while (run.position.step === 'rows') {
    const { type } = run.position;
    const typeRun = typeRunOf(engine, type);
    const known = options.types.find(({ registration }) => registration.type === type);
    if (known?.canRegister === true && typeRun.problem === undefined) {
      const isEnded = await orProblem(typeRun, 'the rows could not be read and registered', async () =>
        walk(engine, known),
      );
      if (isEnded === false) return false;
    }
    const next = types[types.indexOf(type) + 1];
    run.position = next === undefined ? { step: 'end' } : { step: 'rows', type: next };
    await deps.checkpoint(run);
    if (signal.aborted) return next === undefined;
  }
  return true;
}

async function walk(engine: Engine, known: ReconcileType): Promise<boolean> {
  const { run, deps, signal, options } = engine;
  const { pageSize = DEFAULT_PAGE_SIZE } = options;
  const { rows, registration } = known;
  const { position } = run;
  if (rows === undefined || position.step !== 'rows') return true;
  const { type } = registration;
  const typeRun = typeRunOf(engine, type);
  const read = async (after: string | undefined): Promise<readonly RegisteredRow[]> =>
    engine.call(async (context) => rows.page(after, pageSize, context));
  const nextOf = (page: readonly RegisteredRow[]): string | undefined =>
    page.length < pageSize ? undefined : page.at(-1)?.id;
  for await (const page of readAhead(position.after, read, nextOf)) {
    if (!(await reconcilePage(engine, { known, page }))) return false;
    typeRun.rows += page.length;
    const after = nextOf(page);
    const drift = Object.values(typeRun.found).reduce((sum, count) => sum + count, 0);
    deps.observer({
      step: 'rows',
      type,
      done: typeRun.rows,
      total: typeRun.counted,
      drift,
      isEnded: after === undefined,
    });
    if (after === undefined) return true;
    run.position = { step: 'rows', type, after };
    await deps.checkpoint(run);
    await engine.reads.take(page.length, signal);
    if (signal.aborted) return false;
  }
  return true;
}

/** @returns false if it was stopped: then the page has to be read again. */
async function reconcilePage(
  engine: Engine,
  { known, page }: { readonly known: ReconcileType; readonly page: readonly RegisteredRow[] },
): Promise<boolean> {
  const { registration, rows } = known;
  const { deps, run } = engine;
  const typeRun = typeRunOf(engine, registration.type);
  const found: DriftItem[] = [];
  const asked: (RegisteredRow & { readonly account: string })[] = [];
  for (const row of page) {
    const problem = unusableProblem(row);
    if (problem !== undefined) found.push({ kind: 'unusable', id: row.id, detail: problem });
    else if (row.account === undefined) found.push({ kind: 'incomplete', id: row.id, detail: 'it has no account' });
    else asked.push({ ...row, account: row.account });
  }
  const ties = asked.map(({ id, account }) => toTie(registration, { id, account }));
  const tied = ties.length === 0 ? [] : await engine.call(async (context) => deps.reader.has(ties, context));
  const complete: CompleteRow[] = [];
  for (const [index, { id, owner, account, parentId }] of asked.entries()) {
    if (tied[index] === true) continue;
    if (owner === undefined) found.push({ kind: 'incomplete', id, detail: 'it has no owner' });
    else complete.push({ id, owner: { ...owner, account }, parentId });
  }
  if (run.apply) {
    const others = await registerRows(engine, known, await withoutGoneParents(engine, registration, complete));
    if (others === 'stopped') return false;
    found.push(...others);
  } else {
    found.push(...(await classify(engine, registration, complete)));
  }
  // A row that is gone by now was deleted, and deregistered, while the page was looked at.
  const ids = found.filter(({ kind }) => kind !== 'unusable').map(({ id }) => id);
  const present =
    ids.length === 0 || rows === undefined
      ? new Set<string>()
      : await engine.call(async (context) => rows.present(ids, context));
  for (const item of found) {
    if (item.kind === 'unusable' || present.has(item.id)) addFound(typeRun, item, { isRepaired: false });
  }
  return true;
}

/**
 * Rows whose parent has no row are registered without it: deregistering the parent would have taken it from them, and as
 * it is it would be an orphan.
 */
async function withoutGoneParents(
  engine: Engine,
  { parent }: Registration,
  complete: readonly CompleteRow[],
): Promise<readonly CompleteRow[]> {
  const parents = engine.options.types.find(({ registration }) => registration.type === parent?.type)?.rows;
  const ids = [...new Set(complete.flatMap(({ parentId }) => parentId ?? []))];
  if (parents === undefined || ids.length === 0) return complete;
  const present = await engine.call(async (context) => parents.present(ids, context));
  return complete.map((row) =>
    row.parentId === undefined || present.has(row.parentId) ? row : { ...row, parentId: undefined },
  );
}

/** Which rows have no relationships, and which have others. */
async function classify(
  engine: Engine,
  { type }: Registration,
  untied: readonly CompleteRow[],
): Promise<readonly DriftItem[]> {
  return mapAtOnce(untied, READS_AT_ONCE, async ({ id }) => {
    const object: RelationshipObject = { kind: 'resource', type, id };
    const exists = await engine.call(async (context) => engine.deps.reader.exists({ object }, context));
    return { kind: exists ? 'mismatched' : 'unregistered', id };
  });
}

function toTie(
  { type, tenantRelation }: Registration,
  { id, account }: { readonly id: string; readonly account: string },
) {
  return {
    object: { kind: 'resource', type, id },
    relation: tenantRelation,
    subject: { kind: 'object', object: { kind: 'tenant', account } },
  } as const;
}

function unusableProblem({ id, owner, account, parentId }: RegisteredRow): string | undefined {
  const named = { 'its id': id, 'its owner': owner?.id, 'its account': account, 'its parent': parentId };
  for (const [what, value] of Object.entries(named)) {
    const problem = value === undefined ? undefined : identifierProblem(value);
    if (problem !== undefined) return `${what} ${problem}`;
  }
  return undefined;
}
