import type { DriftItem, DriftKind } from './drift.ts';
import { DRIFT_KINDS } from './drift.ts';
import type { ReconcileType } from './engine.ts';
import type { RunState, TypeRun } from './run-state.ts';
import { remaining } from './run-state.ts';

/** `unknown`: something could not be told, or was not: a fault, a refusal to prune, or a stop. */
export type ReconcileResult = 'clean' | 'drift' | 'unknown';

/** What a run has to say, in the shape that is written. */
export interface ReconcileReport {
  readonly version: 1;
  readonly command: 'reconcile' | 'backfill';
  /** False: nothing was changed. */
  readonly apply: boolean;
  readonly result: ReconcileResult;
  /** True: it was stopped, and goes on where it was if it has a state. */
  readonly stopped: boolean;
  /** RFC 3339. */
  readonly started_at: string;
  readonly ended_at: string;
  readonly duration_ms: number;
  readonly types: readonly TypeReport[];
}

export interface TypeReport {
  readonly type: string;
  /** `failed`: it could not be told. `not_pruned`: told, and there was a reason to remove nothing. */
  readonly status: 'checked' | 'not_pruned' | 'failed' | 'skipped';
  readonly reason?: string;
  /** Why its rows were not looked at, if so. */
  readonly rows_not_checked?: string;
  /** Registered resources and rows that were read. */
  readonly resources: number;
  readonly rows: number;
  readonly drift: Readonly<Record<DriftKind, { readonly found: number; readonly repaired: number }>>;
  /** Up to 1,000 of the differences. */
  readonly items: readonly DriftItem[];
  readonly items_omitted: number;
}

export function toReport(
  run: RunState,
  {
    command,
    types,
    isStopped,
    endedAtMs,
  }: {
    readonly command: ReconcileReport['command'];
    readonly types: readonly ReconcileType[];
    readonly isStopped: boolean;
    readonly endedAtMs: number;
  },
): ReconcileReport {
  const reports = types.flatMap((type) => {
    const typeRun = run.types[type.registration.type];
    return typeRun === undefined ? [] : [toTypeReport(type, typeRun)];
  });
  const isUnknown = isStopped || reports.some(({ status }) => status === 'failed' || status === 'not_pruned');
  const isDrift = Object.values(run.types).some((typeRun) => DRIFT_KINDS.some((kind) => remaining(typeRun, kind) > 0));
  const differs = isDrift ? 'drift' : 'clean';
  return {
    version: 1,
    command,
    apply: run.apply,
    result: isUnknown ? 'unknown' : differs,
    stopped: isStopped,
    started_at: new Date(run.startedAtMs).toISOString(),
    ended_at: new Date(endedAtMs).toISOString(),
    duration_ms: Math.max(0, endedAtMs - run.startedAtMs),
    types: reports,
  };
}

function toTypeReport({ registration, rows, canRegister }: ReconcileType, typeRun: TypeRun): TypeReport {
  const { type } = registration;
  const { problem, refusal, found, repaired } = typeRun;
  return {
    type,
    ...toStatus(rows === undefined, problem, refusal),
    ...(rows === undefined || canRegister ? {} : { rows_not_checked: `types.${type}.rows is not configured` }),
    resources: typeRun.resources,
    rows: typeRun.rows,
    drift: {
      orphan: { found: found.orphan, repaired: repaired.orphan },
      unregistered: { found: found.unregistered, repaired: repaired.unregistered },
      mismatched: { found: found.mismatched, repaired: repaired.mismatched },
      incomplete: { found: found.incomplete, repaired: repaired.incomplete },
      unusable: { found: found.unusable, repaired: repaired.unusable },
    },
    items: typeRun.items,
    items_omitted: typeRun.itemsOmitted,
  };
}

function toStatus(
  isSkipped: boolean,
  problem: string | undefined,
  refusal: string | undefined,
): Pick<TypeReport, 'status' | 'reason'> {
  if (problem !== undefined) return { status: 'failed', reason: problem };
  if (isSkipped) return { status: 'skipped', reason: 'it has no table' };
  return refusal === undefined ? { status: 'checked' } : { status: 'not_pruned', reason: refusal };
}
