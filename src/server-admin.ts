// The part of the composition that is the admin listener's.
import type { DecideOptions } from './authorize/decide-checks.ts';
import type { ExplainDeps, ExplainOptions } from './authorize/explain-decision.ts';
import { createExplainDecision } from './authorize/explain-decision.ts';
import type { AuthenticateCaller } from './authorize/ports-callers.ts';
import type { OperatorState, RecentDecisions, RolloutFigures } from './authorize/ports-explain.ts';
import type { Clock } from './authorize/ports.ts';
import type { Pipeline } from './calls/pipeline.ts';
import type { ReceiveBudget } from './calls/receive-budget.ts';
import type { Config } from './config/config.ts';
import { LOCAL_OPERATOR } from './domain/caller.ts';
import { AdminService } from './gen/taskgate/admin/v1/admin_pb.js';
import { createAdminRoutes } from './http/admin.ts';
import { CONSOLE_PATH, createConsole } from './http/console.ts';
import { createAdminGuard } from './http/guard-admin.ts';
import type { RequestHandler } from './http/http-server.ts';
import type { ParentChain } from './parents/parent-chain.ts';
import type { RelationshipChain } from './relationships/relationship-chain.ts';
import type { Guards } from './resilience/guards.ts';
import { describeGates } from './rollout/describe-gates.ts';
import type { Rollout } from './rollout/open-rollout.ts';
import { createAdminProcedures } from './rpc/admin-procedures.ts';
import { createConnectRoutes } from './rpc/connect-routes.ts';
import { toAdminAccess, toFlags } from './server-options.ts';
import { readLatencySeries } from './telemetry/latency-series.ts';
import type { Metrics } from './telemetry/metrics.ts';

const ADMIN_MAX_MESSAGE_BYTES = 65_536;

export interface AdminPartDeps {
  readonly clock: Clock;
  readonly createDecisionId: () => string;
  readonly budget: ReceiveBudget;
  /** Makes the pipeline of a listener, whose callers are told in that way. */
  readonly pipeline: (authenticateCaller: AuthenticateCaller) => Pipeline;
  readonly authenticate: AuthenticateCaller;
  readonly guards: Guards;
  readonly metrics: Metrics;
  readonly parents: ParentChain;
  readonly relationships: RelationshipChain;
  readonly readiness: { current(): Pick<OperatorState, 'ready' | 'dependencies'> };
  readonly recent: RecentDecisions;
  readonly rollout: Rollout;
  readonly decideOptions: DecideOptions;
  readonly gates: ExplainDeps['gates'];
  readonly rolloutOptions: Pick<ExplainOptions, 'offAnswer' | 'isBypassed'>;
}

/** Probes, metrics, the admin RPCs and the console, behind their guard. */
export function createAdmin(
  {
    clock,
    createDecisionId,
    budget,
    pipeline,
    authenticate,
    guards,
    metrics,
    parents,
    relationships,
    readiness,
    recent,
    rollout,
    decideOptions,
    gates,
    rolloutOptions,
  }: AdminPartDeps,
  config: Config,
): RequestHandler {
  const adminRoutes = createAdminRoutes({
    readiness: () => readiness.current(),
    metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.registry.metrics() }),
  });
  const adminProcedures = createAdminProcedures({
    explainDecision: createExplainDecision(
      { parents: parents.inspector, tracer: relationships.tracer, reader: relationships.reader, gates, recent },
      { ...decideOptions, ...rolloutOptions },
    ),
    recent,
    readState: async () =>
      readOperatorState(config, {
        parents,
        relationships,
        guards,
        metrics,
        readiness: readiness.current(),
        rollout,
        leaveOut: new Set(adminProcedures.map(({ name }) => name)),
        clock,
      }),
    clock,
  });
  const access = toAdminAccess(config);
  const operators = createConnectRoutes(
    {
      createDecisionId,
      budget,
      procedures: adminProcedures,
      pipeline: pipeline(access === 'open' ? () => LOCAL_OPERATOR : authenticate),
      fallback: createConsole({ fallback: adminRoutes }),
    },
    { maxMessageBytes: ADMIN_MAX_MESSAGE_BYTES },
  );
  return createAdminGuard(
    { operators, probes: adminRoutes },
    { access, rpcPrefix: `/${AdminService.typeName}/`, consolePath: CONSOLE_PATH },
  );
}

/** How this replica is, as the admin RPCs tell it. */
async function readOperatorState(
  config: Config,
  {
    parents,
    relationships,
    guards,
    metrics,
    readiness,
    rollout,
    leaveOut,
    clock,
  }: {
    readonly parents: ParentChain;
    readonly relationships: RelationshipChain;
    readonly guards: Guards;
    readonly metrics: Metrics;
    readonly readiness: Pick<OperatorState, 'ready' | 'dependencies'>;
    readonly rollout: Rollout;
    readonly leaveOut: ReadonlySet<string>;
    readonly clock: Clock;
  },
): Promise<OperatorState> {
  const { isFollowing, changedObjects, lastWordAtMs } = relationships.figures();
  return {
    ...readiness,
    breakers: {
      ...(config.redis === undefined ? {} : { redis: guards.redis.state }),
      database: guards.database.breaker.state,
      spicedb: guards.spicedb.breaker.state,
    },
    caches: [
      { name: 'parents', enabled: true, entries: parents.size(), capacity: config.parents.memoryMaxEntries },
      {
        name: 'decisions',
        enabled: config.decisions.cache,
        entries: relationships.decisions(),
        capacity: config.decisions.cache ? config.decisions.maxEntries : 0,
      },
    ],
    watch: {
      isFollowing,
      changedObjects,
      lastWordMs: lastWordAtMs === undefined ? undefined : Math.max(0, clock.nowMs() - lastWordAtMs),
    },
    flags: toFlags(config),
    latencies: readLatencySeries(metrics, { leaveOut }),
    rollout: await readRollout(config, rollout),
  };
}

/** With flagd nobody is named here, and to ask about types that nobody uses would be a fault of their flags. */
async function readRollout(
  { rollout: { provider, default: safeDefault }, types }: Config,
  rollout: Rollout,
): Promise<RolloutFigures> {
  const { rows, accountsLeftOut } =
    provider.kind === 'static'
      ? await describeGates(rollout.gates, { accounts: [...provider.accounts.keys()], types: [...types.keys()] })
      : { rows: [], accountsLeftOut: 0 };
  return { provider: provider.kind, problem: rollout.problem(), safeDefault, rows, accountsLeftOut };
}
