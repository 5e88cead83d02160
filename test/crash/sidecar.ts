import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import { freePort } from '../support/free-port.ts';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { listening, spawnTaskgate } from '../support/taskgate-process.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { CrashStores } from './stores.ts';

/** A real taskgate in a process of its own, at the same addresses whenever it is started again. */
export interface Sidecar extends AsyncDisposable {
  readonly addresses: { readonly grpc: string; readonly http: string };
  /** What it and every other command of taskgate is configured with. */
  readonly env: Readonly<Record<string, string>>;
  /** For files of the run; goes with it. */
  readonly directory: string;
  kill(): Promise<void>;
  /** Starts it if it does not run; resolves when it decides, which needs SpiceDB. */
  restore(): Promise<void>;
}

/** The types that the application has, and budgets that are short enough for hundreds of faults. */
const CONFIG = `
types:
  task:
    registered: true
    table: tasks
    id: id
    name: name
    tenant_relation: tenant
    owner_relation: owner
    parent: { relation: parent, type: agent, operation: execute }
    rows: { owner: { user: owner }, account: account, parent: agent_id }
    operations: { read: read, delete: delete }
  agent:
    registered: true
    table: agents
    id: id
    name: name
    tenant_relation: tenant
    owner_relation: owner
    rows: { owner: { user: owner }, account: account }
    operations: { read: read, delete: delete, execute: execute }
  api_key: null
  schedule: null
  message: null
  state: null
  tracker: null
  event: null
  checkpoint: null
redis: { timeout_ms: 20 }
database: { timeout_ms: 250, connect_timeout_ms: 200 }
spicedb: { timeout_ms: 400 }
limits: { default_timeout_ms: 800 }
`;
const RESTORE_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 500;

export async function startSidecar(stores: CrashStores): Promise<Sidecar> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-crash-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const configFile = join(directory, 'taskgate.yaml');
  await writeFile(configFile, CONFIG);
  const addresses = { grpc: `127.0.0.1:${await freePort()}`, http: `127.0.0.1:${await freePort()}` };
  const env = {
    TASKGATE_CONFIG: configFile,
    TASKGATE_GRPC_ADDRESS: addresses.grpc,
    TASKGATE_HTTP_ADDRESS: addresses.http,
    TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
    TASKGATE_SPICEDB_ENDPOINT: stores.spiceDbProxy.address,
    TASKGATE_SPICEDB_TOKEN: stores.spiceDbToken,
    TASKGATE_DATABASE_URL: stores.databaseUrl,
    TASKGATE_REDIS_URL: stores.redisUrl,
    TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the crash test alone, of 32 or more',
  };
  const probe = opened.use(
    createGrpcClient('probe', addresses.grpc, {
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 50,
    }),
  );
  let running: TaskgateProcess | undefined;
  const kill = async (): Promise<void> => {
    await running?.[Symbol.asyncDispose]();
    running = undefined;
  };
  opened.defer(kill);
  const decides = async (): Promise<true | undefined> => {
    // Deleting asks for the freshest, so nothing is answered from memory.
    const request = ask('nobody', 'task', 'no-such-task', Operation.DELETE);
    const outcome = await probe.call(AuthorizationService.method.checkTask, request, { timeoutMs: PROBE_TIMEOUT_MS });
    return outcome.kind === 'message' ? true : undefined;
  };
  const restore = async (): Promise<void> => {
    if (running === undefined) {
      running = spawnTaskgate(['serve'], env);
      await listening(running);
    }
    await waitUntil(decides, { what: 'a decision of the sidecar', timeoutMs: RESTORE_TIMEOUT_MS });
  };
  await restore();
  const kept = opened.move();
  return { addresses, env, directory, kill, restore, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}
