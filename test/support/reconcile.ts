import { inject } from 'vitest';
import type { RelationshipObject } from '../../src/authorize/ports.ts';
import type { StoredRelationship } from '../../src/authorize/ports-lifecycle.ts';
import type { TypeSource } from '../../src/config/config.ts';
import { loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { Registration } from '../../src/domain/registration.ts';
import { register } from '../../src/lifecycle/register-resource.ts';
import type { ReconcileDeps, ReconcileOptions, ReconcileType } from '../../src/lifecycle/reconcile/engine.ts';
import { DEFAULT_PRUNE_LIMITS } from '../../src/lifecycle/reconcile/prune-limit.ts';
import { reconcile } from '../../src/lifecycle/reconcile/reconcile.ts';
import type { ReconcileReport, TypeReport } from '../../src/lifecycle/reconcile/report.ts';
import { toReport } from '../../src/lifecycle/reconcile/report.ts';
import type { RunState } from '../../src/lifecycle/reconcile/run-state.ts';
import { createRun } from '../../src/lifecycle/reconcile/run-state.ts';
import { createTenantGates } from '../../src/lifecycle/tenant-gates.ts';
import { createPostgresRows } from '../../src/parents/postgres-rows.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import { confirmRowSources } from '../../src/parents/row-queries.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { expectValid, load } from '../config/support.ts';
import { RECONCILE_YAML } from './reconcile-yaml.ts';
import type { SpiceDbEngine } from './spicedb.ts';
import { callContext, loadSchema, SYSTEM_CLOCK } from './spicedb.ts';
import { createTestDatabase, execute } from './test-database.ts';
import { writeInTurn } from './write-in-turn.ts';

const TIMEOUT_MS = 10_000;

export interface ReconcileRunOptions extends Partial<ReconcileOptions> {
  readonly apply?: boolean;
  readonly side?: 'both' | 'rows';
  /** Types in place of task and agent. */
  readonly types?: readonly ReconcileType[];
  /** Goes on with this run. */
  readonly run?: RunState;
  readonly signal?: AbortSignal;
  readonly deps?: Partial<ReconcileDeps>;
}

export interface ReconcileStores extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly chain: RelationshipChain;
  readonly types: readonly ReconcileType[];
  readonly registrations: ReadonlyMap<string, Registration>;
  /** Runs a script in the database. */
  sql(script: string): Promise<void>;
  /** Registers a resource of alice in acme. */
  register(type: string, id: string, of?: { parentId?: string; account?: string; owner?: string }): Promise<void>;
  /** Reconciles without a grace period, unless it says otherwise. */
  run(options?: ReconcileRunOptions): Promise<ReconcileReport>;
  /** All relationships of tasks and agents, as text, sorted. */
  graph(): Promise<readonly string[]>;
}

/** Stores with empty tables and no relationships. */
export async function startReconcileStores(engine: SpiceDbEngine): Promise<ReconcileStores> {
  await using opened = new AsyncDisposableStack();
  const store = opened.use(await engine.openStore(loadSchema()));
  const database = opened.use(await createTestDatabase(inject('postgresUrl'), [loadSampleTables()]));
  const opening = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
  opened.defer(() => opening.close());
  const chain = { ...opening, writer: writeInTurn(opening.writer) };
  const sql = createPostgresSql({
    url: database.url,
    poolSize: 4,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: TIMEOUT_MS,
    onError: () => undefined,
  });
  opened.defer(async () => sql.close());
  const { sources, registrations } = expectValid(load({ yaml: RECONCILE_YAML }));
  const tables = sources.filter(isTable).filter(({ type }) => type === 'task' || type === 'agent');
  const queries = await confirmRowSources(sql, tables, { signal: callContext().signal, timeoutMs: TIMEOUT_MS });
  const types = tables.map(({ type }): ReconcileType => {
    const registration = registrations.find((known) => known.type === type);
    const made = queries.get(type);
    if (registration === undefined || made === undefined) throw new Error(`no ${type}`);
    return {
      registration,
      rows: createPostgresRows({ sql, queries: made }, { timeoutMs: TIMEOUT_MS }),
      canRegister: true,
    };
  });
  const tenantGates = createTenantGates(chain);
  const kept = opened.move();
  return {
    databaseUrl: database.url,
    chain,
    types,
    registrations: new Map(registrations.map((registration) => [registration.type, registration])),
    sql: async (script) => execute(database.url, script),
    async register(type, id, { parentId, account = 'acme', owner = 'alice' } = {}) {
      const registration = registrations.find((known) => known.type === type);
      if (registration === undefined) throw new Error(`no ${type}`);
      const wanted = { registration, id, owner: { kind: 'user', id: owner, account } as const, parentId };
      await register({ ...chain, tenantGates }, wanted, callContext());
    },
    async run({ apply = false, side = 'both', run: given, signal, deps, types: others, ...options } = {}) {
      const compared = others ?? types;
      const names = compared.map(({ registration }) => registration.type);
      const [first = ''] = names;
      const position = { step: side === 'both' ? 'relationships' : 'rows', type: first } as const;
      const run = given ?? createRun(names, { startedAtMs: SYSTEM_CLOCK.nowMs(), apply, position });
      const isEnded = await reconcile(
        {
          ...chain,
          tenantGates,
          clock: SYSTEM_CLOCK,
          wait: async () => undefined,
          observer: () => undefined,
          checkpoint: async () => undefined,
          ...deps,
        },
        {
          types: compared,
          graceMs: 0,
          pruneLimits: DEFAULT_PRUNE_LIMITS,
          minRowsShare: 0.5,
          rowsBefore: {},
          timeoutMs: TIMEOUT_MS,
          ...options,
        },
        run,
        signal ?? callContext().signal,
      );
      const command = side === 'both' ? 'reconcile' : 'backfill';
      return toReport(run, { command, types: compared, isStopped: !isEnded, endedAtMs: SYSTEM_CLOCK.nowMs() });
    },
    async graph() {
      const lines: string[] = [];
      for (const { registration } of types) {
        let cursor: string | undefined;
        do {
          const page = await chain.reader.scan(registration.type, cursor, callContext());
          lines.push(...page.relationships.map(toLine));
          ({ cursor } = page);
        } while (cursor !== undefined);
      }
      return lines.toSorted();
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

/** The report of one type. */
export function typeReport(report: ReconcileReport, type: string): TypeReport {
  const found = report.types.find((known) => known.type === type);
  if (found === undefined) throw new Error(`the report has no ${type}`);
  return found;
}

/** The differences of a type, as `kind id`, sorted. */
export function driftOf(report: ReconcileReport, type: string): readonly string[] {
  return typeReport(report, type)
    .items.map(({ kind, id }) => `${kind} ${id}`)
    .toSorted();
}

export function resource(type: string, id: string): RelationshipObject {
  return { kind: 'resource', type, id };
}

function toLine({ object, relation, subject }: StoredRelationship): string {
  return `${object.type}:${object.id}#${relation}@${subject.type}:${subject.id}`;
}

function isTable(source: TypeSource): source is TypeSource & { readonly kind: 'postgres' } {
  return source.kind === 'postgres';
}
