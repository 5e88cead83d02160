import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createBatchCheckTask } from './authorize/batch-check-task.ts';
import { createCheckTask } from './authorize/check-task.ts';
import { createFilterReadableTasks } from './authorize/filter-readable-tasks.ts';
import { createListReadableTasks } from './authorize/list-readable-tasks.ts';
import { createDecideCheck } from './authorize/decide-check.ts';
import { createDecideChecks } from './authorize/decide-checks.ts';
import { createDecisionGate } from './authorize/gate-decisions.ts';
import { gateLists } from './authorize/gate-lists.ts';
import type { Clock, DecideCheck } from './authorize/ports.ts';
import { createHoldHidden } from './authorize/hold-hidden.ts';
import { createHiddenDenials } from './authorize/hidden-denials.ts';
import type { ReadinessDeps } from './authorize/readiness-probes.ts';
import { createReadinessProbes } from './authorize/readiness-probes.ts';
import type { RolloutGates, RolloutObserver } from './authorize/ports-rollout.ts';
import { createShadowRunner } from './authorize/run-in-shadow.ts';
import { recordLists } from './authorize/record-list.ts';
import { createRecentDecisions } from './authorize/recent-decisions.ts';
import { watchReadiness } from './authorize/watch-readiness.ts';
import { openCallers } from './callers/open-callers.ts';
import { createYoungCollector } from './calls/collect-young.ts';
import { createPipeline } from './calls/pipeline.ts';
import { STOPWATCH } from './calls/stopwatch.ts';
import { createReceiveBudget } from './calls/receive-budget.ts';
import { formatAddress } from './config/address.ts';
import type { Config } from './config/config.ts';
import { within } from './domain/within.ts';
import { mappedPermissions } from './domain/mapped-permissions.ts';
import { createServeEndpoint } from './http/endpoint.ts';
import { openHttpServer } from './http/http-server.ts';
import { createRouter } from './http/router.ts';
import { createGrantRole, createRevokeRole } from './lifecycle/change-role.ts';
import { createDeregisterResource } from './lifecycle/deregister-resource.ts';
import { gateWrites } from './lifecycle/gate-writes.ts';
import { createRegisterResource } from './lifecycle/register-resource.ts';
import { registerSentinels } from './lifecycle/register-sentinels.ts';
import { createTenantGates } from './lifecycle/tenant-gates.ts';
import { createGuardedRedis } from './parents/guarded-redis.ts';
import { createGuardedSql } from './parents/guarded-sql.ts';
import type { ParentChain, ParentChainDeps } from './parents/parent-chain.ts';
import { createParentChain } from './parents/parent-chain.ts';
import { SourceProblemsError } from './parents/postgres-catalogue.ts';
import type { RedisClient } from './parents/redis-client.ts';
import type { Sql } from './parents/sql.ts';
import { openPrincipals } from './principals/open-principals.ts';
import type { RelationshipChain } from './relationships/relationship-chain.ts';
import { createRelationshipChain } from './relationships/relationship-chain.ts';
import { createSentinelPicker } from './relationships/sentinels.ts';
import type { SpiceDbOptions } from './relationships/spicedb-client.ts';
import type { Breaker } from './resilience/breaker.ts';
import { createGuards } from './resilience/guards.ts';
import { createLoopLoad } from './rollout/loop-load.ts';
import { openRollout } from './rollout/open-rollout.ts';
import { createConnectRoutes } from './rpc/connect-routes.ts';
import { createGrpcListener } from './rpc/grpc-listener.ts';
import { createCursorCodec } from './rpc/list-cursor.ts';
import { createHealth } from './rpc/health.ts';
import { createProcedures } from './rpc/procedures.ts';
import { createAdmin } from './server-admin.ts';
import { createAgentex } from './server-agentex.ts';
import { createAuthzen } from './server-authzen.ts';
import { createForwardAuthDoor, createGateway, openExtAuthz } from './server-gateways.ts';
import {
  isOneOf,
  toCaching,
  toCallersOptions,
  toCursorSecrets,
  toHiddenDenials,
  toIsBypassed,
  toParentOptions,
  toPrincipalsOptions,
  toRolloutOptions,
  toTelemetryOptions,
} from './server-options.ts';
import { createCallObserver } from './telemetry/call-observer.ts';
import { logFault } from './telemetry/logger.ts';
import { createDecisionLog } from './telemetry/decision-log.ts';
import { createListLog } from './telemetry/list-log.ts';
import { createGatewayObserver } from './telemetry/gateway-observer.ts';
import { createHiddenDenialObserver, showHiddenDenials } from './telemetry/hidden-denial-observer.ts';
import { openTelemetry } from './telemetry/open-telemetry.ts';
import { createParentObserver } from './telemetry/parent-observer.ts';
import { createPrincipalObserver } from './telemetry/principal-observer.ts';
import { createRelationshipObserver, showChanges } from './telemetry/relationship-observer.ts';
import type { Output } from './telemetry/output-sink.ts';
import { createReloadObserver } from './telemetry/reload-observer.ts';
import { createResilienceObserver } from './telemetry/resilience-observer.ts';
import { createRolloutObserver } from './telemetry/rollout-observer.ts';
import { showLoad, showReadiness } from './telemetry/server-metrics.ts';

const SECOND_MS = 1_000;
const READINESS = { intervalMs: 2 * SECOND_MS, timeoutMs: 2 * SECOND_MS };
/** Probes and scrapers are few. */
const ADMIN_MAX_CONNECTIONS = 128;
/** For what is told elsewhere to take its leave; one that hangs is left. */
const TELEMETRY_CLOSE_MS = SECOND_MS;
const CHANGES_LOST = 'changes of relationships may be missed: decisions are not kept';

/** The stores that a server asks. Whoever made `sql` and `redis` closes them, after the server. */
export interface Stores {
  readonly spiceDb: SpiceDbOptions;
  readonly sql: Sql;
  readonly redis?: RedisClient;
}

/** Where the listeners really are. */
export interface ServerAddresses {
  readonly grpc: string;
  readonly http: string;
  readonly admin: string;
}

export interface RunningServer {
  readonly addresses: ServerAddresses;
  /** Unready → drain delay → no new calls → those under way finish within the grace. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly logger: Logger;
  /** Where a decision log goes that goes to `stdout`. */
  readonly output?: Output;
}

const CLOCK: Clock = { nowMs: Date.now };

/**
 * The one composition root: makes every layer from the configuration, and opens the listeners. It starts without its
 * stores, not ready, and becomes ready when they answer.
 *
 * @throws Error if a listener can't be opened, or a file of tokens or certificates can't be used.
 */
export async function startServer(
  config: Config,
  stores: Stores,
  { logger, output }: StartOptions,
): Promise<RunningServer> {
  const { limits, shutdown } = config;
  await using open = new AsyncDisposableStack();
  const telemetry = await openTelemetry({ logger, clock: CLOCK, output }, toTelemetryOptions(config));
  open.defer(async () => telemetry.close(TELEMETRY_CLOSE_MS));
  const { metrics, tracer } = telemetry;
  const guards = createGuards({ clock: CLOCK, observer: createResilienceObserver({ logger, metrics }) }, config);
  const files = {
    readFile: async (path: string) => readFile(path, 'utf8'),
    observer: createReloadObserver({ logger, metrics }),
  };
  const callers = open.use(await openCallers(files, toCallersOptions(config)));
  const principalObserver = createPrincipalObserver({ logger, metrics });
  const principals = open.use(
    await openPrincipals(
      { clock: CLOCK, readFile: files.readFile, reloads: files.observer, observer: principalObserver },
      toPrincipalsOptions(config),
    ),
  );
  const { authenticate } = callers;
  const parents = createParentChain(
    {
      clock: CLOCK,
      sql: createGuardedSql({ sql: stores.sql, ...guards.database }),
      ...toGuardedRedis(stores, config, guards.redis),
      observer: createParentObserver({ logger, metrics, clock: CLOCK }),
    },
    toParentOptions(config),
  );
  const sentinels = createSentinelPicker({ count: config.spicedb.sentinels });
  const relationships = createRelationshipChain(
    {
      clock: CLOCK,
      ...guards.spicedb,
      observer: createRelationshipObserver({ metrics }),
      onChangesLost: (fault) => logFault(logger, 'warn', { fault }, CHANGES_LOST),
    },
    { spiceDb: stores.spiceDb, sentinels, caching: toCaching(config), tellsOrigins: true },
  );
  showChanges(metrics, () => relationships.figures());
  const decideDeps = { parents, relationships: relationships.relationships, sentinels };
  const plan = { types: config.types, consistencyByOperation: config.consistency };
  const decideOptions = { ...plan, revealReadable: config.denials.revealReadable };
  const hiddenDenials = createHiddenDenials(
    { clock: CLOCK, observer: createHiddenDenialObserver({ logger, metrics }) },
    toHiddenDenials(config),
  );
  showHiddenDenials(metrics, hiddenDenials.figures);
  const checkInShadow = createDecideCheck(decideDeps, decideOptions);
  const checksInShadow = createDecideChecks(decideDeps, decideOptions);
  const holdHidden = createHoldHidden({ stopwatch: STOPWATCH, clock: CLOCK });
  const decideCheck = hiddenDenials.watchCheck(createDecideCheck({ ...decideDeps, holdHidden }, decideOptions));
  const decideChecks = hiddenDenials.watchChecks(checksInShadow);
  // A list says nothing of what it leaves out.
  const decideForLists = createDecideChecks(decideDeps, { ...plan, revealReadable: false });
  const { log: decisionLog, recent } = createRecentDecisions(
    { next: createDecisionLog({ metrics, types: config.types, writer: telemetry.decisionWriter }), clock: CLOCK },
    { capacity: config.decisions.recent },
  );
  const listLog = createListLog({ types: config.types, writer: telemetry.decisionWriter });
  const rolloutObserver = createRolloutObserver({ logger, metrics });
  const rollout = open.use(await openRollout({ clock: CLOCK, observer: rolloutObserver }, toRolloutOptions(config)));
  const shadow = createShadowRunner(
    { clock: CLOCK, isBusy: createLoopLoad({ clock: CLOCK }) },
    { timeoutMs: config.rollout.shadowTimeoutMs, maxChecks: config.rollout.maxShadowChecks },
  );
  const gating = { gates: rollout.gates, observer: rolloutObserver };
  const gated = { offAnswer: config.rollout.offAnswer, isBypassed: toIsBypassed(config) };
  const gate = createDecisionGate({ ...gating, shadow }, { ...plan, ...gated });
  const listReadableTasks = createListReadableTasks(
    { lister: relationships.lister },
    { ...plan, isUnscoped: isOneOf(config.lists.unscoped) },
  );
  const useCases = {
    checkTask: createCheckTask({ decideCheck: gate.gateCheck(decideCheck, checkInShadow), decisionLog }),
    batchCheckTask: createBatchCheckTask({ decideChecks: gate.gateChecks(decideChecks, checksInShadow), decisionLog }),
    filterReadableTasks: createFilterReadableTasks({
      decideChecks: gate.gateChecks(decideForLists, decideForLists),
      listLog,
    }),
    listReadableTasks: recordLists(
      gateLists({ ...gating, listReadableTasks }, { types: config.types, ...gated }),
      listLog,
    ),
    ...createLifecycle({ decideCheck, ...relationships, gating }, config),
  };
  const { checkTask } = useCases;
  const gateway = createGateway(
    {
      checkTask,
      identify: principals.identify,
      observe: (door) => createGatewayObserver({ logger, metrics }, door),
    },
    config,
  );
  const procedures = createProcedures(
    { ...useCases, cursors: createCursorCodec(toCursorSecrets(config)) },
    { maxBatchSize: limits.maxBatchSize },
  );
  const pipeline = (authenticateCaller = authenticate) =>
    createPipeline(
      { clock: CLOCK, observer: createCallObserver({ logger, metrics }), authenticate: authenticateCaller, tracer },
      limits,
    );
  const pipelines = { grpc: pipeline(), http: pipeline() };
  showLoad(metrics, { grpc: () => pipelines.grpc.load(), http: () => pipelines.http.load() });

  const health = createHealth();
  const readiness = await watchReadiness(
    {
      probes: createReadinessProbes(
        { ...toReadinessDeps(config, stores, { parents, ...relationships }), ...toFlagsProbe(config, rollout) },
        mappedPermissions(config.types, config.registrations),
      ),
      clock: CLOCK,
      onChange(state) {
        health.setReady(state.ready);
        logger[state.ready ? 'info' : 'warn'](state, state.ready ? 'ready' : 'not ready');
      },
      onFault: (probe, err) => logger.debug({ probe, err }, 'a readiness probe failed'),
    },
    READINESS,
  );

  open.use(readiness);
  showReadiness(metrics, () => readiness.current());
  open.defer(() => relationships.close());
  open.use(shadow);
  const { grpc, http, admin } = config.listeners;
  const grpcListener = await createGrpcListener(
    {
      procedures,
      pipeline: pipelines.grpc,
      authenticate,
      health: health.implementation,
      createDecisionId: randomUUID,
      ...(await openExtAuthz(gateway, config)),
    },
    {
      address: formatAddress(grpc.address),
      socketMode: grpc.socketMode,
      maxConcurrentStreams: limits.maxCallsPerConnection,
      // As many as may be called at once.
      maxReceiving: limits.maxConcurrentCalls + limits.maxQueuedCalls,
      ...limits,
      ...(callers.grpcTls === undefined ? {} : { tls: callers.grpcTls }),
    },
  );
  open.defer(async () => grpcListener.close(0));
  const httpDeps = {
    pipeline: pipelines.http,
    createDecisionId: randomUUID,
    budget: createReceiveBudget({ collect: createYoungCollector() }, { maxBytes: limits.maxReceivingBytes }),
  };
  const serve = createServeEndpoint(httpDeps, limits);
  const router = createRouter([
    ...createAuthzen(
      {
        serve,
        decisionLog,
        listLog,
        ...decideDeps,
        policy: relationships.policy,
        decideChecks: gate.gateChecks(hiddenDenials.watchChecks(decideForLists), decideForLists),
      },
      config,
    ),
    ...createAgentex({ ...useCases, serve, clock: CLOCK, principals, observer: principalObserver, gating }, config),
    ...createForwardAuthDoor({ serve, ask: gateway }, config),
  ]);
  const connectRoutes = createConnectRoutes({ procedures, ...httpDeps, serve, fallback: router }, limits);
  const httpServer = await openHttpServer(connectRoutes, {
    ...http.address,
    ...limits,
    ...(callers.httpTls === undefined ? {} : { tls: callers.httpTls }),
  });
  open.defer(async () => httpServer.close(0));
  const adminHandler = createAdmin(
    {
      ...httpDeps,
      clock: CLOCK,
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
      gates: rollout.gates,
      rolloutOptions: gated,
    },
    config,
  );
  const adminServer = await openHttpServer(adminHandler, {
    ...admin.address,
    ...limits,
    maxConnections: ADMIN_MAX_CONNECTIONS,
  });
  open.defer(async () => adminServer.close(0));

  const running = open.move();
  const addresses = { grpc: grpcListener.address, http: httpServer.address, admin: adminServer.address };
  logger.info(addresses, 'listening');
  return {
    addresses,
    async close() {
      readiness.drain();
      httpServer.drain();
      await delay(shutdown.drainDelayMs);
      const graceEndsAtMs = CLOCK.nowMs() + shutdown.graceMs;
      await Promise.all([grpcListener.close(shutdown.graceMs), httpServer.close(shutdown.graceMs)]);
      // A lookup outlives its callers; a store that hangs must not hold the exit.
      await within(graceEndsAtMs - CLOCK.nowMs(), parents.settled());
      await running.disposeAsync();
    },
  };
}

/** The use cases that write. */
function createLifecycle(
  {
    decideCheck,
    writer,
    reader,
    gating,
  }: RelationshipChain & {
    readonly decideCheck: DecideCheck;
    readonly gating: { readonly gates: RolloutGates; readonly observer: RolloutObserver };
  },
  { types, registrations }: Config,
) {
  const model = {
    types,
    registrations: new Map(registrations.map((registration) => [registration.type, registration])),
  };
  const deps = { decideCheck, writer, reader };
  const writes = {
    registerResource: createRegisterResource({ ...deps, tenantGates: createTenantGates({ reader }) }, model),
    deregisterResource: createDeregisterResource(deps, model),
    grantRole: createGrantRole(deps, model),
    revokeRole: createRevokeRole(deps, model),
  };
  return gateWrites(writes, gating, model);
}

/** Configuration can always be told. */
function toFlagsProbe(
  { rollout: { provider } }: Config,
  rollout: { problem(): string | undefined },
): Pick<ReadinessDeps, 'flagsProblem'> {
  return provider.kind === 'static' ? {} : { flagsProblem: () => rollout.problem() };
}

function toGuardedRedis(stores: Stores, { redis }: Config, breaker: Breaker): Pick<ParentChainDeps, 'redis'> {
  if (stores.redis === undefined || redis === undefined) return {};
  return { redis: createGuardedRedis({ redis: stores.redis, breaker }, redis) };
}

function toReadinessDeps(
  { registrations, spicedb }: Config,
  { redis }: Stores,
  { parents, relationships, writer, schemaCheck }: RelationshipChain & { readonly parents: ParentChain },
): ReadinessDeps {
  return {
    schemaCheck,
    async databaseProblem({ signal }) {
      try {
        await parents.check({ signal, timeoutMs: READINESS.timeoutMs });
        return undefined;
      } catch (error) {
        if (error instanceof SourceProblemsError) return error.message;
        throw error;
      }
    },
    registerSentinels: async (context) =>
      registerSentinels({ relationships, writer }, { types: registrations, count: spicedb.sentinels }, context),
    ...(redis === undefined ? {} : { pingRedis: async () => redis.ping() }),
  };
}
