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
import type { Clock, DecideCheck } from './authorize/ports.ts';
import { createHiddenDenials } from './authorize/hidden-denials.ts';
import type { ReadinessDeps } from './authorize/readiness-probes.ts';
import { createReadinessProbes } from './authorize/readiness-probes.ts';
import { watchReadiness } from './authorize/watch-readiness.ts';
import { openCallers } from './callers/open-callers.ts';
import { createYoungCollector } from './calls/collect-young.ts';
import { createPipeline } from './calls/pipeline.ts';
import { createReceiveBudget } from './calls/receive-budget.ts';
import { formatAddress } from './config/address.ts';
import type { Config } from './config/config.ts';
import { within } from './domain/within.ts';
import { mappedPermissions } from './domain/mapped-permissions.ts';
import { createAdminRoutes } from './http/admin.ts';
import { openHttpServer } from './http/http-server.ts';
import { createRouter } from './http/router.ts';
import { createGrantRole, createRevokeRole } from './lifecycle/change-role.ts';
import { createDeregisterResource } from './lifecycle/deregister-resource.ts';
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
import type { RelationshipChain } from './relationships/relationship-chain.ts';
import { createRelationshipChain } from './relationships/relationship-chain.ts';
import { createSentinelPicker } from './relationships/sentinels.ts';
import type { SpiceDbOptions } from './relationships/spicedb-client.ts';
import type { Breaker } from './resilience/breaker.ts';
import { createGuards } from './resilience/guards.ts';
import { createConnectRoutes } from './rpc/connect-routes.ts';
import { createGrpcListener } from './rpc/grpc-listener.ts';
import { createCursorCodec } from './rpc/list-cursor.ts';
import { createHealth } from './rpc/health.ts';
import { createProcedures } from './rpc/procedures.ts';
import {
  isOneOf,
  toCaching,
  toCallersOptions,
  toCursorSecrets,
  toHiddenDenials,
  toParentOptions,
  toTelemetryOptions,
} from './server-options.ts';
import { createCallObserver } from './telemetry/call-observer.ts';
import { logFault } from './telemetry/logger.ts';
import { createDecisionLog } from './telemetry/decision-log.ts';
import { createHiddenDenialObserver, showHiddenDenials } from './telemetry/hidden-denial-observer.ts';
import { openTelemetry } from './telemetry/open-telemetry.ts';
import { createParentObserver } from './telemetry/parent-observer.ts';
import { createRelationshipObserver, showChanges } from './telemetry/relationship-observer.ts';
import type { Output } from './telemetry/output-sink.ts';
import { createReloadObserver } from './telemetry/reload-observer.ts';
import { createResilienceObserver } from './telemetry/resilience-observer.ts';
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
  {
    logger,
    output,
  }: { readonly logger: Logger; /** Where a decision log goes that goes to `stdout`. */ readonly output?: Output },
): Promise<RunningServer> {
  const { limits, shutdown } = config;
  await using open = new AsyncDisposableStack();
  const telemetry = await openTelemetry({ logger, clock: CLOCK, output }, toTelemetryOptions(config));
  open.defer(async () => telemetry.close(TELEMETRY_CLOSE_MS));
  const { metrics, tracer } = telemetry;
  const guards = createGuards({ clock: CLOCK, observer: createResilienceObserver({ logger, metrics }) }, config);
  const callers = open.use(
    await openCallers(
      { readFile: async (path) => readFile(path, 'utf8'), observer: createReloadObserver({ logger, metrics }) },
      toCallersOptions(config),
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
  const decideCheck = hiddenDenials.watchCheck(createDecideCheck(decideDeps, decideOptions));
  const decideChecks = hiddenDenials.watchChecks(createDecideChecks(decideDeps, decideOptions));
  // A list says nothing of what it leaves out.
  const decideForLists = createDecideChecks(decideDeps, { ...plan, revealReadable: false });
  const decisionLog = createDecisionLog({ metrics, types: config.types, writer: telemetry.decisionWriter });
  const procedures = createProcedures(
    {
      checkTask: createCheckTask({ decideCheck, decisionLog }),
      batchCheckTask: createBatchCheckTask({ decideChecks, decisionLog }),
      filterReadableTasks: createFilterReadableTasks({ decideChecks: decideForLists }),
      listReadableTasks: createListReadableTasks(
        { lister: relationships.lister },
        { ...plan, isUnscoped: isOneOf(config.lists.unscoped) },
      ),
      cursors: createCursorCodec(toCursorSecrets(config)),
      ...createLifecycle({ decideCheck, ...relationships }, config),
    },
    { maxBatchSize: limits.maxBatchSize },
  );
  const pipeline = () =>
    createPipeline({ clock: CLOCK, observer: createCallObserver({ logger, metrics }), authenticate, tracer }, limits);
  const pipelines = { grpc: pipeline(), http: pipeline() };
  showLoad(metrics, { grpc: () => pipelines.grpc.load(), http: () => pipelines.http.load() });

  const health = createHealth();
  const readiness = await watchReadiness(
    {
      probes: createReadinessProbes(
        toReadinessDeps(config, stores, { parents, ...relationships }),
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
  const { grpc, http, admin } = config.listeners;
  const grpcListener = await createGrpcListener(
    { procedures, pipeline: pipelines.grpc, authenticate, health: health.implementation, createDecisionId: randomUUID },
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
  const connectRoutes = createConnectRoutes({ procedures, ...httpDeps, fallback: createRouter([]) }, limits);
  const httpServer = await openHttpServer(connectRoutes, {
    ...http.address,
    ...limits,
    ...(callers.httpTls === undefined ? {} : { tls: callers.httpTls }),
  });
  open.defer(async () => httpServer.close(0));
  const adminRoutes = createAdminRoutes({
    readiness: () => readiness.current(),
    metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.registry.metrics() }),
  });
  const adminServer = await openHttpServer(adminRoutes, {
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
  { decideCheck, writer, reader }: RelationshipChain & { readonly decideCheck: DecideCheck },
  { types, registrations }: Config,
) {
  const model = {
    types,
    registrations: new Map(registrations.map((registration) => [registration.type, registration])),
  };
  const deps = { decideCheck, writer, reader };
  return {
    registerResource: createRegisterResource({ ...deps, tenantGates: createTenantGates({ reader }) }, model),
    deregisterResource: createDeregisterResource(deps, model),
    grantRole: createGrantRole(deps, model),
    revokeRole: createRevokeRole(deps, model),
  };
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
