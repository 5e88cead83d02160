import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CallContext, Relationship } from '../../src/authorize/ports.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import { createSpiceDbSchema } from '../../src/relationships/spicedb-schema.ts';
import { findOnPath } from './find-on-path.ts';
import { freePort } from './free-port.ts';
import { createTestDatabase } from './test-database.ts';

const START_TIMEOUT_MS = 20_000;
const CALL_TIMEOUT_MS = 10_000;
const TOKEN = 'a-token-of-the-tests-only';
const BUILT = fileURLToPath(new URL('../../.cache/bin/spicedb', import.meta.url));

/** The schema that taskgate deploys. */
export const DEPLOYED_SCHEMA = readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');

/** A real SpiceDB server that keeps its relationships in a Postgres database of its own. */
export interface SpiceDbServer extends AsyncDisposable {
  readonly options: SpiceDbOptions & { readonly token: string };
  readonly datastoreUrl: string;
}

export interface SpiceDbServerOptions {
  /** The Postgres server that its database is made on. */
  readonly postgresUrl: string;
  /** The core that it is pinned to. Default: none. */
  readonly core?: number;
  /** Milliseconds after which Watch looks for changes again when there were none. Default: SpiceDB's own, 1,000. */
  readonly watchHeartbeatMs?: number;
  /** What it holds when it is ready, beside the schema that taskgate deploys; or nothing, not even a schema. */
  readonly relationships: readonly Relationship[] | 'nothing';
}

/** `spicedb` on the PATH, or as `scripts/install-spicedb.sh` builds it. */
export function findSpiceDb(): string | undefined {
  return findOnPath('spicedb') ?? (existsSync(BUILT) ? BUILT : undefined);
}

/** @throws Error if it can't be started. */
export async function startSpiceDbServer(
  binary: string,
  { postgresUrl, core, watchHeartbeatMs = 1_000, relationships }: SpiceDbServerOptions,
): Promise<SpiceDbServer> {
  await using opened = new AsyncDisposableStack();
  // The in-memory datastore has no indexes: with 100,000 tasks it would be what is measured.
  const datastore = opened.use(await createTestDatabase(postgresUrl));
  const stored = ['--datastore-engine', 'postgres', '--datastore-conn-uri', datastore.url];
  const quiet = ['--log-level', 'error', '--skip-release-check'];
  await promisify(execFile)(binary, ['datastore', 'migrate', 'head', ...stored, ...quiet]);

  const endpoint = `127.0.0.1:${await freePort()}`;
  const off = ['--http-enabled=false', '--metrics-enabled=false', '--telemetry-endpoint='];
  const watch = ['--watch-api-heartbeat', `${watchHeartbeatMs}ms`];
  const args = ['serve', '--grpc-addr', endpoint, '--grpc-preshared-key', TOKEN, ...stored, ...quiet, ...off, ...watch];
  const [command, ...rest] = core === undefined ? [binary, ...args] : ['taskset', '-c', `${core}`, binary, ...args];
  const server = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(server, 'exit');
  opened.defer(async () => {
    server.kill('SIGTERM');
    await exited;
  });
  const options = { endpoint, token: TOKEN, timeoutMs: CALL_TIMEOUT_MS };
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await (relationships === 'nothing' ? expectNoSchema(options) : seedSpiceDb(options, relationships));
      break;
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(100);
    }
  }
  const kept = opened.move();
  return { options, datastoreUrl: datastore.url, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

async function expectNoSchema(spiceDb: SpiceDbOptions): Promise<void> {
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb });
  const context: CallContext = { signal: new AbortController().signal, deadlineAtMs: Date.now() + CALL_TIMEOUT_MS };
  try {
    const found = await createSpiceDbSchema(chain).compare('definition user {}', context);
    if (found.kind !== 'absent') throw new Error('there is a schema already');
  } finally {
    chain.close();
  }
}

/** Writes the schema that taskgate deploys, and relationships. @throws TaskgateError if SpiceDB can't be reached. */
export async function seedSpiceDb(spiceDb: SpiceDbOptions, relationships: readonly Relationship[]): Promise<void> {
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb });
  const context: CallContext = { signal: new AbortController().signal, deadlineAtMs: Date.now() + CALL_TIMEOUT_MS };
  try {
    await chain.client.call(WRITE_SCHEMA, { schema: DEPLOYED_SCHEMA }, context, { idempotent: true });
    await chain.writer.touch(relationships, context);
  } finally {
    chain.close();
  }
}
