import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createBatchCheckTask } from './authorize/batch-check-task.ts';
import { createCheckTask } from './authorize/check-task.ts';
import { createFilterReadableTasks } from './authorize/filter-readable-tasks.ts';
import { createListReadableTasks } from './authorize/list-readable-tasks.ts';
import { createDecideCheck } from './authorize/decide-check.ts';
import { createDecideChecks } from './authorize/decide-checks.ts';
import type { Clock, DecideCheck } from './authorize/ports.ts';
import type { ReadinessDeps } from './authorize/readiness-probes.ts';
import { createReadinessProbes } from './authorize/readiness-probes.ts';
import { watchReadiness } from './authorize/watch-readiness.ts';
import { formatAddress } from './config/address.ts';
import type { Config } from './config/config.ts';
import type { Principal } from './domain/principal.ts';
import { within } from './domain/within.ts';
import { mappedPermissions } from './domain/mapped-permissions.ts';
import { createAdminRoutes } from './http/admin.ts';
import { openHttpServer } from './http/http-server.ts';
import { createGrantRole, createRevokeRole } from './lifecycle/change-role.ts';
import { createDeregisterResource } from './lifecycle/deregister-resource.ts';
import { createRegisterResource } from './lifecycle/register-resource.ts';
import { registerSentinels } from './lifecycle/register-sentinels.ts';
import { createTenantGates } from './lifecycle/tenant-gates.ts';
import type { ParentChain, ParentChainOptions } from './parents/parent-chain.ts';
import { createParentChain } from './parents/parent-chain.ts';
import { SourceProblemsError } from './parents/postgres-catalogue.ts';
import type { RedisClient } from './parents/redis-client.ts';
import type { Sql } from './parents/sql.ts';
import type { CachingOptions, RelationshipChain } from './relationships/relationship-chain.ts';
import { createRelationshipChain } from './relationships/relationship-chain.ts';
import { createSentinelPicker } from './relationships/sentinels.ts';
import type { SpiceDbOptions } from './relationships/spicedb-client.ts';
import { createConnectRoutes } from './rpc/connect-routes.ts';
import { createGrpcListener } from './rpc/grpc-listener.ts';
import { createCursorCodec } from './rpc/list-cursor.ts';
import { createHealth } from './rpc/health.ts';
import { createPipeline } from './rpc/pipeline.ts';
import { createProcedures } from './rpc/procedures.ts';
import { createCallObserver } from './telemetry/call-observer.ts';
import { createDecisionLog } from './telemetry/decision-log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createParentObserver } from './telemetry/parent-observer.ts';

const SECOND_MS = 1_000;
const READINESS = { intervalMs: 2 * SECOND_MS, timeoutMs: 2 * SECOND_MS };
/** Probes and scrapers are few. */
const ADMIN_MAX_CONNECTIONS = 128;
const MAX_KEYS_PER_QUERY = 10_000;
const SECRET_BYTES = 32;

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
 * @throws Error if a listener can't be opened.
 */
export async function startServer(
  config: Config,
  stores: Stores,
  { logger }: { readonly logger: Logger },
): Promise<RunningServer> {
  const { limits, shutdown } = config;
  const metrics = createMetrics();
  const parents = createParentChain(
    {
      clock: CLOCK,
      sql: stores.sql,
      ...(stores.redis === undefined ? {} : { redis: stores.redis }),
      observer: createParentObserver({ logger, metrics, clock: CLOCK }),
    },
    toParentOptions(config),
  );
  const relationships = createRelationshipChain(
    {
      clock: CLOCK,
      onChangesLost: (err) => logger.warn({ err }, 'changes of relationships may be missed: decisions are not kept'),
    },
    { spiceDb: stores.spiceDb, caching: toCaching(config) },
  );
  const sentinels = createSentinelPicker({
    secret: randomBytes(SECRET_BYTES),
    count: config.spicedb.sentinels,
  });
  const decideDeps = { parents, relationships: relationships.relationships, sentinels };
  const plan = { types: config.types, consistencyByOperation: config.consistency };
  const decideOptions = { ...plan, revealReadable: config.denials.revealReadable };
  const decideCheck = createDecideCheck(decideDeps, decideOptions);
  const decideChecks = createDecideChecks(decideDeps, decideOptions);
  // A list says nothing of what it leaves out.
  const decideForLists = createDecideChecks(decideDeps, { ...plan, revealReadable: false });
  const decisionLog = createDecisionLog({ logger, metrics, types: config.types });
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
  const pipeline = () => createPipeline({ clock: CLOCK, observer: createCallObserver({ logger, metrics }) }, limits);

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

  await using open = new AsyncDisposableStack();
  open.use(readiness);
  open.defer(() => relationships.close());
  const { grpc, http, admin } = config.listeners;
  const grpcListener = await createGrpcListener(
    { procedures, pipeline: pipeline(), health: health.implementation, createDecisionId: randomUUID },
    {
      address: formatAddress(grpc.address),
      socketMode: grpc.socketMode,
      maxConcurrentStreams: limits.maxCallsPerConnection,
      // As many as may be called at once.
      maxReceiving: limits.maxConcurrentCalls + limits.maxQueuedCalls,
      ...limits,
    },
  );
  open.defer(async () => grpcListener.close(0));
  const connectRoutes = createConnectRoutes(
    {
      procedures,
      pipeline: pipeline(),
      createDecisionId: randomUUID,
      fallback: (_request, response) => response.writeHead(404).end(),
    },
    limits,
  );
  const httpServer = await openHttpServer(connectRoutes, { ...http.address, ...limits });
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

function toParentOptions({ parents, redis, database, sources }: Config): ParentChainOptions {
  return {
    sources,
    expiry: parents,
    memoryMaxEntries: parents.memoryMaxEntries,
    ...(redis === undefined ? {} : { redis: { ...redis, keyRing: redis.signingKeys } }),
    postgres: {
      timeoutMs: database.timeoutMs,
      maxBatchSize: MAX_KEYS_PER_QUERY,
      maxConcurrentBatches: database.poolSize,
    },
  };
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

function toCaching({ decisions, spicedb }: Config): CachingOptions | 'off' {
  if (!decisions.cache) return 'off';
  return { ...decisions, silenceMs: spicedb.watchSilenceMs === 0 ? 'off' : spicedb.watchSilenceMs };
}

function toCursorSecrets({ lists }: Config): readonly [string, ...string[]] {
  const [first, ...others] = lists.cursorSecrets;
  return first === undefined ? [randomBytes(SECRET_BYTES).toString('hex')] : [first, ...others];
}

function isOneOf(principals: readonly Principal[]): (principal: Principal) => boolean {
  return ({ kind, id, account }) =>
    principals.some((other) => other.kind === kind && other.id === id && other.account === account);
}
