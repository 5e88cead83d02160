import type { CallContext, Clock } from '../../authorize/ports.ts';
import type { RegisteredRows, RelationshipReader, RelationshipWriter } from '../../authorize/ports-lifecycle.ts';
import { DeadlineExceededError, toTaskgateError, UnavailableError } from '../../domain/errors.ts';
import type { Registration } from '../../domain/registration.ts';
import type { TenantGates } from '../tenant-gates.ts';
import type { Pacer, Wait } from './pacer.ts';
import { createPacer } from './pacer.ts';
import type { PruneLimit } from './prune-limit.ts';
import type { RunState, TypeRun } from './run-state.ts';

/** A registered type, and where its rows are. */
export interface ReconcileType {
  readonly registration: Registration;
  /** Undefined: the type has no table, and is left alone. */
  readonly rows: RegisteredRows | undefined;
  /** True if rows say what registering them would write. */
  readonly canRegister: boolean;
}

/** What a run is doing. `done` and `total` count resources, rows, candidates or milliseconds. */
export interface ReconcileProgress {
  readonly step: 'relationships' | 'grace' | 'confirm' | 'remove' | 'rows';
  /** Undefined for a step of all types. */
  readonly type: string | undefined;
  readonly done: number;
  /** About; undefined if nobody knows. */
  readonly total: number | undefined;
  /** Differences (in the first pass: candidates) so far, of the type. */
  readonly drift: number;
  readonly isEnded: boolean;
}

/** Told of every page. Never throws and never waits. */
export type ReconcileObserver = (progress: ReconcileProgress) => void;

export interface ReconcileDeps {
  readonly reader: RelationshipReader;
  readonly writer: RelationshipWriter;
  readonly tenantGates: TenantGates;
  readonly clock: Clock;
  readonly wait: Wait;
  readonly observer: ReconcileObserver;
  /** Told at the end of each page, when the run could go on from its state. */
  readonly checkpoint: (run: RunState) => Promise<void>;
}

export interface ReconcileOptions {
  readonly types: readonly ReconcileType[];
  /** Milliseconds between the passes. */
  readonly graceMs: number;
  /** All of them hold. */
  readonly pruneLimits: readonly PruneLimit[];
  /** Nothing of a type is pruned if it has less than this share (0–1) of the rows that it had. 0: however few there are. */
  readonly minRowsShare: number;
  /** Type → rows in the last run that could tell. */
  readonly rowsBefore: Readonly<Record<string, number>>;
  /** Rows and resources read a second; undefined for no limit. */
  readonly readsPerSecond?: number;
  /** Rows registered and resources removed a second; undefined for no limit. */
  readonly writesPerSecond?: number;
  /** Milliseconds that one read may take. */
  readonly timeoutMs: number;
  /** Rows in a page of a table. Default 2,500. */
  readonly pageSize?: number;
}

/** A run with what it needs. */
export interface Engine {
  readonly deps: ReconcileDeps;
  readonly options: ReconcileOptions;
  readonly run: RunState;
  /** Asks the run to stop after the page. What is under way is not cut off. */
  readonly signal: AbortSignal;
  readonly reads: Pacer;
  readonly writes: Pacer;
  /** Makes a call that may be made again: a store that is away for a moment is asked again. */
  call<Result>(
    use: (context: CallContext) => Promise<Result>,
    options?: { readonly timeoutMs: number },
  ): Promise<Result>;
}

const MAX_ATTEMPTS = 3;
const RETRY_DELAY_MS = 100;

export function createEngine(
  deps: ReconcileDeps,
  options: ReconcileOptions,
  run: RunState,
  signal: AbortSignal,
): Engine {
  return {
    deps,
    options,
    run,
    signal,
    reads: createPacer(deps, options.readsPerSecond),
    writes: createPacer(deps, options.writesPerSecond),
    async call(use, { timeoutMs } = options) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await callOnce(use, timeoutMs, deps.clock);
        } catch (error) {
          if (!(error instanceof UnavailableError) || attempt === MAX_ATTEMPTS || signal.aborted) throw error;
          await deps.wait(RETRY_DELAY_MS * attempt, signal);
        }
      }
    },
  };
}

async function callOnce<Result>(
  use: (context: CallContext) => Promise<Result>,
  timeoutMs: number,
  clock: Clock,
): Promise<Result> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineExceededError()), timeoutMs);
  try {
    return await use({ signal: controller.signal, deadlineAtMs: clock.nowMs() + timeoutMs });
  } finally {
    clearTimeout(timer);
  }
}

/** What is known of a type, which the run has. */
export function typeRunOf({ run }: Pick<Engine, 'run'>, type: string): TypeRun {
  const typeRun = run.types[type];
  if (typeRun === undefined) throw new Error(`the run knows nothing of ${type}`);
  return typeRun;
}

/** Runs what tells of a type. A fault is its problem: it is left alone from then on, and the others go on. */
export async function orProblem<Result>(
  typeRun: TypeRun,
  what: string,
  use: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await use();
  } catch (error) {
    typeRun.problem ??= `${what}: ${describeFault(error)}`;
    return undefined;
  }
}

/** What was thrown, with what the driver said: for the operator who runs this. */
export function describeFault(thrown: unknown): string {
  const { message, cause } = toTaskgateError(thrown);
  const inner = cause instanceof Error ? cause.message : cause;
  return typeof inner === 'string' && inner !== '' ? `${message} (${inner})` : message;
}
