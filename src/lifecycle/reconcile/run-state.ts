import { z } from 'zod';
import type { DriftItem, DriftKind } from './drift.ts';
import { DRIFT_KINDS } from './drift.ts';

/** Differences that are kept for the report, for each type; others are only counted. */
const MAX_ITEMS = 1_000;
/** What is over this is only counted, and then nothing of the type is pruned. */
const MAX_CANDIDATES = 100_000;

const count = z.int().nonnegative();
const perKind = z.object({
  orphan: count,
  unregistered: count,
  mismatched: count,
  incomplete: count,
  unusable: count,
});

const typeRunSchema = z.object({
  /** Registered resources that the walk of the relationships has met. */
  resources: count,
  /** Rows that the walk of the table has met. */
  rows: count,
  /** Rows that the database counted. */
  counted: count.exactOptional(),
  /** Ids whose row was absent in the first pass; after the second, those for which it was absent twice. */
  candidates: z.array(z.string()).transform((ids) => new Set(ids)),
  candidatesOmitted: count,
  found: perKind,
  repaired: perKind,
  items: z.array(z.object({ kind: z.enum(DRIFT_KINDS), id: z.string(), detail: z.string().exactOptional() })),
  itemsOmitted: count,
  /** Why it could not be told. The type is left alone from then on. */
  problem: z.string().exactOptional(),
  /** Why nothing was pruned. */
  refusal: z.string().exactOptional(),
});

const runSchema = z.object({
  startedAtMs: z.number(),
  apply: z.boolean(),
  /** What comes next. A walk goes on after the cursor or id, or begins without one. */
  position: z.discriminatedUnion('step', [
    z.object({
      step: z.literal('relationships'),
      type: z.string(),
      cursor: z.string().exactOptional(),
      /** The last object of the page before: its relationships may go on in the next. */
      lastId: z.string().exactOptional(),
    }),
    /** Orphans are confirmed and removed when the grace period since then is over. */
    z.object({ step: z.literal('orphans'), sinceMs: z.number() }),
    z.object({ step: z.literal('rows'), type: z.string(), after: z.string().exactOptional() }),
    z.object({ step: z.literal('end') }),
  ]),
  types: z.record(z.string(), typeRunSchema),
});

const stateSchema = z.object({
  version: z.literal(1),
  /** Of the configuration and the command. */
  fingerprint: z.string(),
  /** Rows of each type in the last run that could tell. */
  rows: z.record(z.string(), count),
  lastSuccessAtMs: z.number().exactOptional(),
  /** A run that has not ended. */
  run: runSchema.exactOptional(),
});

/** What is known of one type in a run. Changed in place as the run goes on. */
export type TypeRun = z.output<typeof typeRunSchema>;
/** A run that has not ended, at the end of a page. Changed in place. */
export type RunState = z.output<typeof runSchema>;
/** What is kept between runs. */
export type ReconcileState = z.output<typeof stateSchema>;

/** @returns undefined for what no run of this version has written. */
export function parseState(text: string): ReconcileState | undefined {
  try {
    const parsed = stateSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function serializeState(state: ReconcileState): string {
  return `${JSON.stringify(state, (_key, value: unknown) => (value instanceof Set ? [...value] : value))}\n`;
}

/** A run that begins at `position`. */
export function createRun(
  types: readonly string[],
  { startedAtMs, apply, position }: Pick<RunState, 'startedAtMs' | 'apply' | 'position'>,
): RunState {
  return { startedAtMs, apply, position, types: Object.fromEntries(types.map((type) => [type, createTypeRun()])) };
}

function createTypeRun(): TypeRun {
  const none = { orphan: 0, unregistered: 0, mismatched: 0, incomplete: 0, unusable: 0 };
  return {
    resources: 0,
    rows: 0,
    candidates: new Set(),
    candidatesOmitted: 0,
    found: { ...none },
    repaired: { ...none },
    items: [],
    itemsOmitted: 0,
  };
}

/** Counts one difference, and keeps it while there is room. */
export function addFound(run: TypeRun, item: DriftItem, { isRepaired }: { readonly isRepaired: boolean }): void {
  const { kind, id, detail } = item;
  run.found[kind] += 1;
  if (isRepaired) run.repaired[kind] += 1;
  if (run.items.length < MAX_ITEMS) run.items.push({ kind, id, ...(detail === undefined ? {} : { detail }) });
  else run.itemsOmitted += 1;
}

/** A row was absent in the first pass. */
export function addCandidate(run: TypeRun, id: string): void {
  if (run.candidates.has(id)) return;
  if (run.candidates.size < MAX_CANDIDATES) run.candidates.add(id);
  else run.candidatesOmitted += 1;
}

/** Differences that are still there. */
export function remaining({ found, repaired }: TypeRun, kind: DriftKind): number {
  return found[kind] - repaired[kind];
}
