import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
import type { CallContext, Clock, RelationshipCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import type { SpiceDbClient, SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import { findOnPath } from './find-on-path.ts';
import { freePort } from './free-port.ts';

export const SYSTEM_CLOCK: Clock = { nowMs: () => Date.now() };

const CALL_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 10_000;

/** An engine that can hand out stores that know nothing of each other. */
export interface SpiceDbEngine {
  /** An empty store with `schema`, and how to reach it. */
  openStore(schema: string): Promise<SpiceDbStore>;
  close(): Promise<void>;
}

export interface SpiceDbStore extends AsyncDisposable {
  readonly options: SpiceDbOptions;
}

export interface SpiceDbEngineCase {
  readonly name: string;
  readonly start: () => Promise<SpiceDbEngine>;
}

/** The embedded engine and, where there is one, a real server: `SPICEDB_ENDPOINT`, or `spicedb` on the PATH. */
export const SPICEDB_ENGINES: readonly SpiceDbEngineCase[] = [
  { name: 'embedded', start: async () => startEmbeddedEngine() },
  ...serveTestingCases(),
];

/** The schema that taskgate deploys. */
export function loadSchema(): string {
  return readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');
}

/** A call that ends after `timeoutMs`, or with `signal`. */
export function callContext({ timeoutMs = CALL_TIMEOUT_MS, signal = new AbortController().signal } = {}): CallContext {
  return { signal, deadlineAtMs: SYSTEM_CLOCK.nowMs() + timeoutMs };
}

/** One question about a task, as alice of acme unless it says otherwise. */
export function taskCheck(
  id: string,
  { permission = 'read', user = 'alice', account = 'acme' } = {},
): RelationshipCheck {
  return { object: task(id), permission, principal: { kind: 'user', id: user, account } };
}

export function task(id: string): RelationshipObject {
  return { kind: 'resource', type: 'task', id };
}

async function startEmbeddedEngine(): Promise<SpiceDbEngine> {
  return {
    async openStore(schema) {
      const engine = await startEmbeddedSpiceDb({ schema });
      const options = { endpoint: engine.endpoint, timeoutMs: CALL_TIMEOUT_MS };
      return { options, [Symbol.asyncDispose]: async () => engine.close() };
    },
    close: async () => undefined,
  };
}

function serveTestingCases(): readonly SpiceDbEngineCase[] {
  const endpoint = process.env['SPICEDB_ENDPOINT'];
  if (endpoint !== undefined)
    return [{ name: endpoint, start: async () => tokenStores(endpoint, async () => undefined) }];
  const binary = findOnPath('spicedb');
  return binary === undefined ? [] : [{ name: 'spicedb serve-testing', start: async () => startServeTesting(binary) }];
}

async function startServeTesting(binary: string): Promise<SpiceDbEngine> {
  const endpoint = `127.0.0.1:${await freePort()}`;
  const off = ['--readonly-grpc-enabled=false', '--http-enabled=false', '--readonly-http-enabled=false'];
  const args = ['serve-testing', '--skip-release-check', '--log-level', 'error', '--grpc-addr', endpoint, ...off];
  const server = spawn(binary, args, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const engine = tokenStores(endpoint, async () => {
    server.kill('SIGTERM');
    await exited;
  });
  try {
    const probe = async (): Promise<void> => (await engine.openStore('definition user {}'))[Symbol.asyncDispose]();
    await vi.waitFor(probe, { timeout: START_TIMEOUT_MS, interval: 50 });
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

/** `spicedb serve-testing` keeps an isolated store for each token. */
function tokenStores(endpoint: string, close: () => Promise<void>): SpiceDbEngine {
  return {
    async openStore(schema) {
      const options = { endpoint, token: randomUUID(), timeoutMs: CALL_TIMEOUT_MS };
      const client = createSpiceDbClient({ clock: SYSTEM_CLOCK }, options);
      try {
        await writeSchema(client, schema);
      } finally {
        client.close();
      }
      return { options, [Symbol.asyncDispose]: async () => undefined };
    },
    close,
  };
}

async function writeSchema(client: SpiceDbClient, schema: string): Promise<void> {
  await client.call(WRITE_SCHEMA, { schema }, callContext({ timeoutMs: 2_000 }), { idempotent: true });
}
