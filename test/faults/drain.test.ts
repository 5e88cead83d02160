import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
  Decision,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { listening, spawnTaskgate } from '../support/taskgate-process.ts';

const { checkTask } = AuthorizationService.method;
const PATH = `/${AuthorizationService.typeName}/${checkTask.name}`;
/** Starting a process, and ending one, on a busy machine. */
const SLACK_MS = 1_500;

let stores: SampleStores;
let directory = '';
beforeAll(async () => {
  stores = await startSampleStores();
  directory = await mkdtemp(join(tmpdir(), 'taskgate-drain-'));
});
afterAll(async () => {
  await stores[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

interface Served extends AsyncDisposable {
  readonly run: TaskgateProcess;
  readonly addresses: { readonly grpc: string; readonly http: string; readonly admin: string };
  readonly spiceDb: FaultProxy;
}

/** `taskgate serve` with real stores, SpiceDB behind a proxy. */
async function serve({ drainDelayMs, graceMs }: { drainDelayMs: number; graceMs: number }): Promise<Served> {
  await using opened = new AsyncDisposableStack();
  const spiceDb = opened.use(await startFaultProxy({ path: stores.spiceDb.endpoint.slice('unix:'.length) }));
  const config = join(directory, `${spiceDb.address}.yaml`);
  // A call may wait for SpiceDB longer than for the end of the process.
  const budgets =
    'spicedb: { timeout_ms: 8000, watch_silence_ms: 0 }\nlimits: { default_timeout_ms: 9000, max_timeout_ms: 10000 }';
  await writeFile(config, `${budgets}\nshutdown: { drain_delay_ms: ${drainDelayMs}, grace_ms: ${graceMs} }\n`);
  const run = opened.use(
    spawnTaskgate(['serve'], {
      TASKGATE_CONFIG: config,
      TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
      TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
      TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
      TASKGATE_SPICEDB_ENDPOINT: spiceDb.address,
      TASKGATE_SPICEDB_TOKEN: 'unused',
      TASKGATE_DATABASE_URL: stores.databaseUrl,
      TASKGATE_REDIS_URL: inject('redisUrl'),
      TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the tests, which is long enough',
    }),
  );
  const addresses = await listening(run);
  const kept = opened.move();
  return { run, addresses, spiceDb, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

const request = Buffer.from(
  toBinary(CheckTaskRequestSchema, create(CheckTaskRequestSchema, ask('alice', 'task', 'task-1', Operation.DELETE))),
);

function createClient(target: string): Client {
  const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
  return new Client(target, credentials.createInsecure(), { 'grpc.service_config': roundRobin });
}

/** The decision, or the error, of one fully consistent check, which no cache answers. */
async function check(client: Client): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest<Buffer, Buffer>(
      PATH,
      (bytes) => bytes,
      (bytes) => bytes,
      request,
      (error, answer) => {
        if (error !== null) resolve(`${error.code}: ${error.details}`);
        else resolve(answer === undefined ? '' : Decision[fromBinary(CheckTaskResponseSchema, answer).decision]);
      },
    );
  });
}

async function readyStatus(admin: string): Promise<number> {
  return exchangeHttp1(`http://${admin}/readyz`, { method: 'GET' }).then(
    ({ status }) => status,
    () => 0,
  );
}

it.concurrent('loses no call of a gRPC client that has another replica to go to', async () => {
  await using leaving = await serve({ drainDelayMs: 500, graceMs: 3_000 });
  await using staying = await serve({ drainDelayMs: 500, graceMs: 3_000 });
  const client = createClient(`ipv4:${leaving.addresses.grpc},${staying.addresses.grpc}`);
  const outcomes: string[] = [];
  const over = new AbortController();
  const callers = Array.from({ length: 8 }, async () => {
    while (!over.signal.aborted) outcomes.push(await check(client));
  });
  await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(100), { timeout: 5_000 });

  leaving.run.child.kill('SIGTERM');
  await vi.waitFor(async () => expect(await readyStatus(leaving.addresses.admin)).toBe(503), {
    timeout: 400,
    interval: 5,
  });
  const whenUnready = outcomes.length;
  expect(await leaving.run.exited).toBe(0);
  const whenGone = outcomes.length;
  await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(whenGone + 100), { timeout: 5_000 });
  over.abort();
  await Promise.all(callers);
  client.close();
  expect(whenGone).toBeGreaterThan(whenUnready);
  expect([...new Set(outcomes)]).toEqual(['ALLOWED']);
});

it.concurrent('finishes what is under way, over gRPC and Connect, and then ends with 0', async () => {
  await using served = await serve({ drainDelayMs: 0, graceMs: 8_000 });
  const client = createClient(served.addresses.grpc);
  expect(await check(client)).toBe('ALLOWED');
  await served.spiceDb.setMode('hang');
  const body = toJsonString(
    CheckTaskRequestSchema,
    create(CheckTaskRequestSchema, ask('alice', 'task', 'task-1', Operation.CANCEL)),
  );
  const overConnect = exchangeHttp1(`http://${served.addresses.http}${PATH}`, {
    headers: { 'content-type': 'application/json' },
    body,
  });
  const overGrpc = check(client);
  // Calls are counted when they end, so that there is nothing to wait on but the drain itself.
  await vi.waitFor(async () => expect(await readyStatus(served.addresses.admin)).toBe(503), {
    timeout: 6_000,
    interval: 20,
  });
  served.run.child.kill('SIGTERM');
  await vi.waitFor(() => expect(served.run.stdout()).toContain('"msg":"draining"'), { timeout: 2_000, interval: 5 });
  await served.spiceDb.setMode('ok');
  expect(await overGrpc).toBe('ALLOWED');
  expect(JSON.parse((await overConnect).body)).toMatchObject({ decision: 'DECISION_ALLOWED' });
  client.close();
  expect(await served.run.exited).toBe(0);
});

it.concurrent('ends within the grace, whatever a dependency holds', async () => {
  const graceMs = 500;
  await using served = await serve({ drainDelayMs: 0, graceMs });
  const client = createClient(served.addresses.grpc);
  await served.spiceDb.setMode('hang');
  const held = check(client);
  await vi.waitFor(async () => expect(await readyStatus(served.addresses.admin)).toBe(503), {
    timeout: 6_000,
    interval: 20,
  });
  const startedAt = performance.now();
  served.run.child.kill('SIGTERM');
  expect(await served.run.exited).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(graceMs + SLACK_MS);
  // No decision was made up for it.
  expect(await held).toMatch(/^(1|13|14): /);
  client.close();
});

it.concurrent.each(['SIGTERM', 'SIGINT'] as const)('ends at once on a second %s', async (signal) => {
  await using served = await serve({ drainDelayMs: 60_000, graceMs: 60_000 });
  served.run.child.kill(signal);
  await vi.waitFor(() => expect(served.run.stdout()).toContain('"msg":"draining"'), { timeout: 2_000, interval: 5 });
  const startedAt = performance.now();
  served.run.child.kill(signal);
  expect(await served.run.exited).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(SLACK_MS);
});
