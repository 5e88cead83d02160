import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { exchangeHttp1 } from './raw-exchange.ts';
import type { SpawnOptions, TaskgateProcess } from './taskgate-process.ts';
import { listening, spawnTaskgate } from './taskgate-process.ts';
import { waitUntil } from './wait-until.ts';

export interface ServedTaskgate extends AsyncDisposable {
  readonly run: TaskgateProcess;
  readonly pid: number;
  readonly addresses: { readonly grpc: string; readonly http: string; readonly admin: string };
}

export interface ServeOptions extends SpawnOptions {
  readonly spiceDb: string;
  readonly databaseUrl: string;
  /** Default: the Redis of the test run. */
  readonly redisUrl?: string;
  /** Beside what the in-memory engine needs. */
  readonly yaml?: string;
}

const READY_TIMEOUT_MS = 15_000;

/** `taskgate serve` in a process of its own, when it is ready. */
export async function serveTaskgate(options: ServeOptions): Promise<ServedTaskgate> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-served-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'taskgate.yaml');
  await writeFile(config, options.yaml ?? 'spicedb: { watch_silence_ms: 0 }\n');
  const env = {
    TASKGATE_CONFIG: config,
    TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
    TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
    TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
    TASKGATE_SPICEDB_ENDPOINT: options.spiceDb,
    TASKGATE_SPICEDB_TOKEN: 'unused',
    TASKGATE_DATABASE_URL: options.databaseUrl,
    TASKGATE_REDIS_URL: options.redisUrl ?? inject('redisUrl'),
    TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the tests, which is long enough',
  };
  const run = opened.use(spawnTaskgate(['serve'], env, options));
  const addresses = await listening(run);
  await waitUntil(async () => ((await readyStatus(addresses.admin)) === 200 ? true : undefined), {
    what: 'ready',
    timeoutMs: READY_TIMEOUT_MS,
  });
  const kept = opened.move();
  return { run, pid: run.child.pid ?? 0, addresses, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

/** The status of `/readyz`, 0 if nobody answers. */
export async function readyStatus(admin: string): Promise<number> {
  return exchangeHttp1(`http://${admin}/readyz`, { method: 'GET' }).then(
    ({ status }) => status,
    () => 0,
  );
}
