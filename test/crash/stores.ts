import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CallContext } from '../../src/authorize/ports.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { findOnPath } from '../support/find-on-path.ts';
import { freePort } from '../support/free-port.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The stores of a run. */
export interface CrashStores extends AsyncDisposable {
  readonly description: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** The preshared key of SpiceDB. */
  readonly spiceDbToken: string;
  /** What the sidecar takes for SpiceDB. */
  readonly spiceDbProxy: FaultProxy;
  /** Past the proxy: for looking at what there is. */
  readonly chain: RelationshipChain;
}

const CALL_TIMEOUT_MS = 20_000;
const START_TIMEOUT_MS = 20_000;
const TOKEN = 'crash';
/** A task can't be without its agent: an agent that has tasks stays. */
const TABLES = `
  CREATE TABLE agents (id text PRIMARY KEY, name text UNIQUE NOT NULL, owner text NOT NULL, account text NOT NULL);
  CREATE TABLE tasks (
    id text PRIMARY KEY, name text UNIQUE NOT NULL, agent_id text NOT NULL REFERENCES agents,
    owner text NOT NULL, account text NOT NULL
  )`;

/** Postgres, Redis, and SpiceDB behind a proxy that can fail: a real server if `spicedb` is on the PATH, else the engine. */
export async function startCrashStores({ schema }: { readonly schema: string }): Promise<CrashStores> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres());
  const redis = opened.use(await startRedis());
  const database = opened.use(await createTestDatabase(postgres.url, [TABLES]));
  const binary = findOnPath('spicedb');
  const spiceDb = binary === undefined ? await startEngine(schema, opened) : await startServer(binary, opened);
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb });
  opened.defer(() => chain.close());
  const writeSchema = async (): Promise<object> =>
    chain.client.call(WRITE_SCHEMA, { schema }, callContext(), { idempotent: true });
  if (binary !== undefined) await waitUntil(writeSchema, { what: 'SpiceDB', timeoutMs: START_TIMEOUT_MS });
  const spiceDbProxy = opened.use(await startFaultProxy(toProxyTarget(spiceDb.endpoint)));
  const kept = opened.move();
  return {
    description: `SpiceDB: ${binary === undefined ? 'embedded engine' : 'real server'}; real Postgres and Redis`,
    databaseUrl: database.url,
    redisUrl: redis.url,
    spiceDbToken: TOKEN,
    spiceDbProxy,
    chain,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

/** Enough time for reading all that there is. */
export function callContext(): CallContext {
  return { signal: new AbortController().signal, deadlineAtMs: Date.now() + CALL_TIMEOUT_MS };
}

async function startEngine(schema: string, opened: AsyncDisposableStack): Promise<SpiceDbOptions> {
  const engine = opened.use(await startEmbeddedSpiceDb({ schema }));
  return { endpoint: engine.endpoint, timeoutMs: CALL_TIMEOUT_MS };
}

async function startServer(binary: string, opened: AsyncDisposableStack): Promise<SpiceDbOptions> {
  const endpoint = `127.0.0.1:${await freePort()}`;
  const where = ['--grpc-addr', endpoint, '--grpc-preshared-key', TOKEN, '--datastore-engine', 'memory'];
  const off = ['--http-enabled=false', '--metrics-enabled=false', '--telemetry-endpoint=', '--skip-release-check'];
  const server = spawn(binary, ['serve', ...where, ...off, '--log-level', 'error'], { stdio: 'ignore' });
  const exited = once(server, 'exit');
  opened.defer(async () => {
    server.kill('SIGKILL');
    await exited;
  });
  return { endpoint, token: TOKEN, timeoutMs: CALL_TIMEOUT_MS };
}
