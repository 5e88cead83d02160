import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 30_000;

/** Where a sidecar finds its stores. */
export interface SidecarStores {
  readonly spiceDb: { readonly endpoint: string; readonly token: string };
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** `taskgate serve` in a process of its own. */
export interface Sidecar extends AsyncDisposable {
  readonly name: string;
  readonly client: TestClient;
}

/** Resolves when it is ready. @throws Error if it does not become so. */
export async function startSidecar(name: string, stores: SidecarStores): Promise<Sidecar> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-freshness-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'taskgate.yaml');
  await writeFile(config, 'log: { level: error }\nshutdown: { drain_delay_ms: 0, grace_ms: 0 }\n');
  const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'src/main.ts'), 'serve'], {
    env: {
      PATH,
      HOME,
      TASKGATE_CONFIG: config,
      TASKGATE_GRPC_ADDRESS: grpc,
      TASKGATE_HTTP_ADDRESS: http,
      TASKGATE_ADMIN_ADDRESS: admin,
      TASKGATE_SPICEDB_ENDPOINT: stores.spiceDb.endpoint,
      TASKGATE_SPICEDB_TOKEN: stores.spiceDb.token,
      TASKGATE_DATABASE_URL: stores.databaseUrl,
      TASKGATE_REDIS_URL: stores.redisUrl,
      TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the freshness test only',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  opened.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await becomesReady(`http://${admin}/readyz`);
  const client = opened.use(createGrpcClient(name, grpc ?? ''));
  const kept = opened.move();
  return { name, client, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

async function becomesReady(url: string): Promise<void> {
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (Date.now() > until) throw new Error(`taskgate is not ready: ${status}`);
    await delay(50);
  }
}
