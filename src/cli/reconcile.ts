import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../authorize/ports.ts';
import type { ServeConfig, TypeSource } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { didYouMean } from '../config/nearest.ts';
import { formatProblems } from '../config/problem.ts';
import { TaskgateError } from '../domain/errors.ts';
import type { ReconcileType } from '../lifecycle/reconcile/engine.ts';
import { describeFault } from '../lifecycle/reconcile/engine.ts';
import type { Wait } from '../lifecycle/reconcile/pacer.ts';
import { reconcile } from '../lifecycle/reconcile/reconcile.ts';
import type { ReconcileReport } from '../lifecycle/reconcile/report.ts';
import { toReport } from '../lifecycle/reconcile/report.ts';
import type { RunState } from '../lifecycle/reconcile/run-state.ts';
import { createRun } from '../lifecycle/reconcile/run-state.ts';
import { createTenantGates } from '../lifecycle/tenant-gates.ts';
import { createPostgresRows } from '../parents/postgres-rows.ts';
import { SourceProblemsError } from '../parents/postgres-catalogue.ts';
import { createPostgresSql } from '../parents/postgres-sql.ts';
import { confirmRowSources } from '../parents/row-queries.ts';
import type { Sql } from '../parents/sql.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import { renderReconcileMetrics } from '../telemetry/reconcile-metrics.ts';
import { writeFileAtomic } from './atomic-file.ts';
import type { CommandDeps } from './config.ts';
import { toSpiceDbOptions } from './open-stores.ts';
import type { Progress, ProgressStream } from './progress.ts';
import { createProgress } from './progress.ts';
import type { ReconcileCommandOptions } from './reconcile-options.ts';
import type { StateStore } from './reconcile-state.ts';
import { openState, toFingerprint } from './reconcile-state.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

export interface ReconcileCommandDeps extends CommandDeps {
  readonly stderr: ProgressStream;
  /** Aborts when the process is asked to end: the run stops after the page. */
  readonly shutdown: AbortSignal;
}

type CommandName = ReconcileReport['command'];

const CLOCK: Clock = { nowMs: Date.now };
/** Two pages, a probe for each type that they name, and what registers. */
const POOL_SIZE = 4;
const CONNECT_TIMEOUT_MS = 5_000;
/** The role of `serve` can't read what a row is registered with. */
const ROLE_HINT =
  'taskgate: reconcile and backfill read more than serve does: TASKGATE_DATABASE_URL must be of a role that may, such as ' +
  'taskgate_reconcile (deploy/postgres/read-only-role.sql)\n';
/** 0: clean, or all was repaired. 1: differences are left. 2: it could not be told. */
const EXIT_CODE_OF: Readonly<Record<ReconcileReport['result'], ExitCode>> = { clean: 0, drift: 1, unknown: 2 };

/** Compares the relationships of registered types with their tables: see `lifecycle/reconcile/reconcile.ts`. */
export async function runReconcile(
  deps: ReconcileCommandDeps,
  name: CommandName,
  options: ReconcileCommandOptions,
): Promise<ExitCode> {
  const { stderr } = deps;
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid') {
    stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const { config } = loaded;
  const registered = config.registrations.map(({ type }) => type);
  const unknown = options.types.find((type) => !registered.includes(type));
  if (unknown !== undefined) {
    stderr.write(`taskgate: ${JSON.stringify(unknown)} is no registered type${didYouMean(unknown, registered)}\n`);
    return EXIT_CODES.misused;
  }
  const types = options.types.length === 0 ? registered : registered.filter((type) => options.types.includes(type));
  // Nothing that could differ is nothing that was found to be right.
  if (
    name === 'backfill' &&
    !config.sources.some((source) => isTable(source) && source.rows !== undefined && types.includes(source.type))
  ) {
    stderr.write(
      `taskgate: nothing can be registered: say whom rows belong to, in ${types.map((type) => `types.${type}.rows`).join(', ')}\n`,
    );
    return EXIT_CODES.misused;
  }
  const progress = createProgress({ stream: stderr, clock: CLOCK });
  try {
    const fingerprint = toFingerprint(name, types, config);
    const store = openState({ readFile: deps.readFile, clock: CLOCK }, { path: options.stateFile, fingerprint });
    const report = await runWithStores({ deps, progress, store, config }, { name, types, options });
    await keep(report, { deps, store, options });
    return EXIT_CODE_OF[report.result];
  } catch (error) {
    // Never 1, which says that differences were found.
    progress.close();
    stderr.write(`taskgate: ${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof SourceProblemsError && error.problems.some(isOfRole)) stderr.write(ROLE_HINT);
    return EXIT_CODES.misused;
  } finally {
    progress.close();
  }
}

interface RunDeps {
  readonly deps: ReconcileCommandDeps;
  readonly progress: Progress;
  readonly store: StateStore;
  readonly config: ServeConfig;
}

interface RunRequest {
  readonly name: CommandName;
  readonly types: readonly string[];
  readonly options: ReconcileCommandOptions;
}

async function runWithStores(
  { deps, progress, store, config }: RunDeps,
  { name, types: names, options }: RunRequest,
): Promise<ReconcileReport> {
  const { timeoutMs } = options;
  const sql = createPostgresSql({
    url: config.database.url,
    poolSize: POOL_SIZE,
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
    statementTimeoutMs: timeoutMs,
    onError: () => undefined,
  });
  const chain = createRelationshipChain({ clock: CLOCK }, { spiceDb: { ...toSpiceDbOptions(config), timeoutMs } });
  try {
    let types: readonly ReconcileType[];
    try {
      types = await openTypes(sql, config, { names, timeoutMs });
    } catch (error) {
      if (!(error instanceof TaskgateError)) throw error;
      return reportUnreadable(error, config, { name, names, apply: options.apply });
    }
    const run = beginRun(store, progress, { name, names, apply: options.apply });
    await store.save({ ...store.state, run });
    const isEnded = await reconcile(
      {
        ...chain,
        tenantGates: createTenantGates(chain),
        clock: CLOCK,
        wait,
        observer: progress.observer,
        checkpoint: async (current) => store.checkpoint(current),
      },
      {
        ...options,
        types,
        rowsBefore: store.state.rows,
        ...(options.rate === undefined ? {} : toRates(name, options.rate)),
      },
      run,
      deps.shutdown,
    );
    progress.close();
    await store.save(isEnded ? endRun(store, run) : { ...store.state, run });
    return toReport(run, { command: name, types, isStopped: !isEnded, endedAtMs: CLOCK.nowMs() });
  } finally {
    chain.close();
    await sql.close();
  }
}

async function openTypes(
  sql: Sql,
  { sources, registrations }: ServeConfig,
  { names, timeoutMs }: { readonly names: readonly string[]; readonly timeoutMs: number },
): Promise<readonly ReconcileType[]> {
  const tables = sources.filter(isTable).filter(({ type }) => names.includes(type));
  const queries = await confirmRowSources(sql, tables, { signal: new AbortController().signal, timeoutMs });
  return registrations
    .filter(({ type }) => names.includes(type))
    .map((registration) => {
      const made = queries.get(registration.type);
      return {
        registration,
        rows: made === undefined ? undefined : createPostgresRows({ sql, queries: made }, { timeoutMs }),
        canRegister: tables.some(({ type, rows }) => type === registration.type && rows !== undefined),
      };
    });
}

/** The report of a run that could not begin, because the database can't be asked what tables there are. */
function reportUnreadable(
  error: TaskgateError,
  { registrations }: ServeConfig,
  { name, names, apply }: { readonly name: CommandName; readonly names: readonly string[]; readonly apply: boolean },
): ReconcileReport {
  const startedAtMs = CLOCK.nowMs();
  const run = createRun(names, { startedAtMs, apply, position: { step: 'end' } });
  for (const typeRun of Object.values(run.types)) {
    typeRun.problem = `the tables could not be looked at: ${describeFault(error)}`;
  }
  const types = registrations.map((registration) => ({ registration, rows: undefined, canRegister: false }));
  return toReport(run, { command: name, types, isStopped: false, endedAtMs: startedAtMs });
}

/** Goes on with the run in the state, if it was to do the same. */
function beginRun(
  { state }: StateStore,
  progress: Progress,
  { name, names, apply }: { readonly name: CommandName; readonly names: readonly string[]; readonly apply: boolean },
): RunState {
  const startedAtMs = CLOCK.nowMs();
  if (state.run?.apply === apply) {
    progress.note(`going on with the run of ${new Date(state.run.startedAtMs).toISOString()}`);
    return state.run;
  }
  if (state.run !== undefined) progress.note('beginning anew: the run that was stopped was not to do the same');
  const [type = ''] = names;
  const step = name === 'reconcile' ? 'relationships' : 'rows';
  return createRun(names, { startedAtMs, apply, position: { step, type } });
}

/** Remembers how many rows each type has, but for those of which it could not be told. */
function endRun({ state: { run: _run, ...state } }: StateStore, run: RunState): StateStore['state'] {
  const told = Object.entries(run.types).filter(
    ([, { problem, refusal }]) => problem === undefined && refusal === undefined,
  );
  const rows = told.flatMap(([type, { counted }]) => (counted === undefined ? [] : [[type, counted] as const]));
  const isSuccess = told.length === Object.keys(run.types).length;
  return {
    ...state,
    rows: { ...state.rows, ...Object.fromEntries(rows) },
    ...(isSuccess ? { lastSuccessAtMs: CLOCK.nowMs() } : {}),
  };
}

async function keep(
  report: ReconcileReport,
  {
    deps,
    store,
    options: { reportFile, metricsFile },
  }: { readonly deps: ReconcileCommandDeps; readonly store: StateStore; readonly options: ReconcileCommandOptions },
): Promise<void> {
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  if (reportFile === undefined) deps.stdout.write(text);
  else await writeFileAtomic(reportFile, text);
  if (metricsFile === undefined) return;
  const metrics = await renderReconcileMetrics({
    command: report.command,
    result: report.result,
    endedAtMs: Date.parse(report.ended_at),
    durationMs: report.duration_ms,
    lastSuccessAtMs: report.result === 'unknown' ? store.state.lastSuccessAtMs : Date.parse(report.ended_at),
    types: report.types.map((type) => ({
      ...type,
      isKnown: type.status === 'checked' || type.status === 'not_pruned',
    })),
  });
  await writeFileAtomic(metricsFile, metrics);
}

function toRates(name: CommandName, rate: number) {
  return name === 'backfill' ? { writesPerSecond: rate } : { readsPerSecond: rate, writesPerSecond: rate };
}

const wait: Wait = async (ms, signal) => {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // It was asked to stop, which whoever waits looks at.
  }
};

function isOfRole(problem: string): boolean {
  return /\bmay not read\b|\bpermission denied\b/.test(problem);
}

function isTable(source: TypeSource): source is TypeSource & { readonly kind: 'postgres' } {
  return source.kind === 'postgres';
}
