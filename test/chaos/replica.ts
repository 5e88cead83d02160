import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { freePort } from '../support/free-port.ts';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { spawnTaskgate } from '../support/taskgate-process.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { WatchProxy } from '../support/watch-proxy.ts';
import { startWatchProxy } from '../support/watch-proxy.ts';
import type { Lag, LagRecord } from './lag.ts';
import { createLagRecord } from './lag.ts';
import type { Mutant } from './mutants.ts';
import { MUTANTS } from './mutants.ts';
import type { WatchHealth } from './watch-health.ts';
import { createWatchHealth } from './watch-health.ts';

/** Where the stores really are, and what a replica is configured with beside them. */
export interface ReplicaSetting {
  readonly spiceDb: { readonly endpoint: string; readonly token: string };
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly signingSecret: string;
  readonly configFile: string;
  readonly mutant: Mutant | undefined;
}

export type ReplicaStore = 'spicedb' | 'database' | 'redis';

/** One taskgate in a process of its own, at the same addresses whenever it is started again, behind proxies of its own. */
export interface Replica extends AsyncDisposable {
  readonly name: string;
  /** Names the process that runs now: one that is started again knows nothing of what the last one wrote. */
  readonly process: string;
  readonly client: TestClient;
  readonly stores: Readonly<Record<ReplicaStore, FaultProxy>>;
  /** Between the proxy of SpiceDB and SpiceDB. */
  readonly watch: WatchProxy;
  readonly watchHealth: WatchHealth;
  /** True: Watch may be cut from now on, whatever its streams look like. */
  suspectWatch(isSuspect: boolean): void;
  readonly lag: LagRecord;
  /** What it should not have done: how a process ended that nobody asked to. */
  readonly misdeeds: readonly string[];
  /** Resolves when it listens. @throws Error if it doesn't. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; it must end by itself, with 0. */
  terminate(): Promise<void>;
  /** What `/readyz` says; 0 if nothing does. */
  readiness(): Promise<number>;
}

const PRELOAD = join(import.meta.dirname, 'replica-preload.ts');
const START_TIMEOUT_MS = 30_000;
/** Drain delay and grace of the configuration, and what a busy machine adds. */
const END_TIMEOUT_MS = 15_000;
const HEALTH_PROBE_MS = 25;

/** What a replica's preload says. */
type PreloadMessage = ({ readonly kind: 'lag' } & Lag) | { readonly kind: 'mutated'; readonly file: string };

export async function createReplica(name: string, setting: ReplicaSetting): Promise<Replica> {
  await using opened = new AsyncDisposableStack();
  const watch = opened.use(await startWatchProxy(setting.spiceDb.endpoint));
  const [database, redis] = [new URL(setting.databaseUrl), new URL(setting.redisUrl)];
  const stores = {
    spicedb: opened.use(await startFaultProxy(toProxyTarget(watch.address))),
    database: opened.use(await startFaultProxy({ host: database.hostname, port: Number(database.port) })),
    redis: opened.use(await startFaultProxy({ host: redis.hostname, port: Number(redis.port) })),
  };
  database.host = stores.database.address;
  redis.host = stores.redis.address;
  const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const env = {
    TASKGATE_CONFIG: setting.configFile,
    TASKGATE_GRPC_ADDRESS: grpc ?? '',
    TASKGATE_HTTP_ADDRESS: http ?? '',
    TASKGATE_ADMIN_ADDRESS: admin ?? '',
    TASKGATE_SPICEDB_ENDPOINT: stores.spicedb.address,
    TASKGATE_SPICEDB_TOKEN: setting.spiceDb.token,
    TASKGATE_DATABASE_URL: database.href,
    TASKGATE_REDIS_URL: redis.href,
    TASKGATE_REDIS_SIGNING_SECRET: setting.signingSecret,
    ...(setting.mutant === undefined ? {} : { CHAOS_MUTANT: setting.mutant }),
  };
  const client = opened.use(
    createGrpcClient(name, grpc ?? '', {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
    }),
  );
  const lag = createLagRecord();
  const misdeeds: string[] = [];
  const watchHealth = createWatchHealth();
  let running: TaskgateProcess | undefined;
  let starts = 0;
  let isSuspect = false;

  const noteHealth = (): void => watchHealth.note(running !== undefined && !isSuspect && watch.openWatches > 0);
  const probe = setInterval(noteHealth, HEALTH_PROBE_MS);
  opened.defer(() => clearInterval(probe));
  const readiness = async (): Promise<number> =>
    fetch(`http://${admin}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );
  const start = async (): Promise<void> => {
    if (running !== undefined) return;
    starts += 1;
    const mutatedFiles = new Set<string>();
    const onMessage = (message: unknown): void => {
      const said = message as PreloadMessage;
      if (said.kind === 'lag') lag.add(said);
      else mutatedFiles.add(said.file);
    };
    const started = spawnTaskgate(['serve'], env, { nodeFlags: ['--import', PRELOAD], onMessage });
    running = started;
    void started.exited.then((code) => {
      if (running !== started) return;
      running = undefined;
      misdeeds.push(`${name} ended by itself with ${code}: ${started.stderr().slice(-2_000)}`);
    });
    await waitUntil(async () => ((await readiness()) === 0 ? undefined : true), {
      what: `${name} listens`,
      timeoutMs: START_TIMEOUT_MS,
    });
    const wanted =
      setting.mutant === undefined ? 0 : new Set(MUTANTS[setting.mutant].mutations.map((m) => m.file)).size;
    if (mutatedFiles.size !== wanted) throw new Error(`${name} runs without its mutation`);
  };
  const kill = async (): Promise<void> => {
    const killed = running;
    running = undefined;
    watchHealth.note(false);
    killed?.child.kill('SIGKILL');
    await killed?.exited;
  };
  opened.defer(kill);
  const kept = opened.move();
  return {
    name,
    get process() {
      return `${name}${starts}`;
    },
    client,
    stores,
    watch,
    watchHealth,
    suspectWatch(next) {
      isSuspect = next;
      noteHealth();
    },
    lag,
    misdeeds,
    start,
    kill,
    async terminate() {
      const ended = running;
      if (ended === undefined) return;
      running = undefined;
      watchHealth.note(false);
      ended.child.kill('SIGTERM');
      const late = new AbortController();
      const tooLate = delay(END_TIMEOUT_MS, 'late' as const, { signal: late.signal }).catch(() => 'late' as const);
      const code = await Promise.race([ended.exited, tooLate]);
      late.abort();
      if (code === 0) return;
      misdeeds.push(`${name} ended with ${code} after SIGTERM: ${ended.stderr().slice(-2_000)}`);
      ended.child.kill('SIGKILL');
      if (ended.child.exitCode === null && ended.child.signalCode === null) await once(ended.child, 'exit');
    },
    readiness,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
