import { Agent, request as requestHttp } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
  Decision,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import type { ServedTaskgate } from '../support/served-taskgate.ts';
import { readyStatus, serveTaskgate } from '../support/served-taskgate.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { waitUntil } from '../support/wait-until.ts';

const PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.checkTask.name}`;
const PATIENCE_MS = 60_000;
/** Ending a process on a busy machine. */
const SLACK_MS = 5_000;
const GRACE_MS = 5_000;
const CHANNELS = 5;
const CALLERS = 4;
const ENOUGH = 50;

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores[Symbol.asyncDispose]());

type StoreName = 'spicedb' | 'database' | 'redis';

interface Replica extends AsyncDisposable {
  readonly gate: ServedTaskgate;
  readonly proxies: Readonly<Record<StoreName, FaultProxy>>;
}

/** Budgets that are longer than the grace: a call may wait for a store longer than for the end of the process. */
const SLOW_STORES = `spicedb: { timeout_ms: 40000, watch_silence_ms: 0 }
database: { timeout_ms: 30000, connect_timeout_ms: 30000 }
limits: { default_timeout_ms: 50000, max_timeout_ms: 60000 }
`;

async function serve(shutdown: { drainDelayMs: number; graceMs: number }, yaml = SLOW_STORES): Promise<Replica> {
  await using opened = new AsyncDisposableStack();
  const database = new URL(stores.databaseUrl);
  const redis = new URL(inject('redisUrl'));
  const proxies = {
    spicedb: opened.use(await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint))),
    database: opened.use(await startFaultProxy({ host: database.hostname, port: Number(database.port) })),
    redis: opened.use(await startFaultProxy({ host: redis.hostname, port: Number(redis.port) })),
  };
  database.host = proxies.database.address;
  redis.host = proxies.redis.address;
  const gate = opened.use(
    await serveTaskgate({
      spiceDb: proxies.spicedb.address,
      databaseUrl: database.href,
      redisUrl: redis.href,
      yaml: `${yaml}shutdown: { drain_delay_ms: ${shutdown.drainDelayMs}, grace_ms: ${shutdown.graceMs} }\n`,
    }),
  );
  const kept = opened.move();
  return { gate, proxies, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

const QUESTIONS: readonly MessageInitShape<typeof CheckTaskRequestSchema>[] = [
  ask('alice', 'message', 'msg-1'),
  ask('alice', 'task', 'task-1', Operation.DELETE),
];
const requests = QUESTIONS.map((question) => create(CheckTaskRequestSchema, question));

/** A channel with connections of its own to every address. */
function openChannel(addresses: readonly string[]): Client {
  return new Client(`ipv4:${addresses.join(',')}`, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.use_local_subchannel_pool': 1,
  });
}

async function checkGrpc(client: Client, turn: number): Promise<string> {
  const request = requests[turn % requests.length] ?? create(CheckTaskRequestSchema);
  return new Promise((resolve) => {
    client.makeUnaryRequest<Buffer, Buffer>(
      PATH,
      (bytes) => bytes,
      (bytes) => bytes,
      Buffer.from(toBinary(CheckTaskRequestSchema, request)),
      (error, answer) => {
        if (error !== null) resolve(`${error.code}: ${error.details}`);
        else resolve(answer === undefined ? '' : Decision[fromBinary(CheckTaskResponseSchema, answer).decision]);
      },
    );
  });
}

interface HttpAnswer {
  readonly outcome: string;
  /** The server closes the connection after this answer. */
  readonly closes: boolean;
}

async function checkHttp(agent: Agent, http: string, turn: number): Promise<HttpAnswer> {
  const body = toJsonString(CheckTaskRequestSchema, requests[turn % requests.length] ?? create(CheckTaskRequestSchema));
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const request = requestHttp(`http://${http}${PATH}`, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { decision }: { decision?: string } = JSON.parse(Buffer.concat(chunks).toString());
        resolve({ outcome: decision ?? 'none', closes: response.headers.connection === 'close' });
      });
      response.on('error', (error) => resolve({ outcome: String(error), closes: true }));
    });
    request.on('error', (error) => resolve({ outcome: String(error), closes: true }));
    request.end(body);
  });
}

it('loses no call at load, of gRPC channels that follow GOAWAY', { timeout: 3 * PATIENCE_MS }, async () => {
  await using leaving = await serve({ drainDelayMs: 500, graceMs: GRACE_MS });
  await using staying = await serve({ drainDelayMs: 500, graceMs: GRACE_MS });
  const addresses = [leaving.gate.addresses.grpc, staying.gate.addresses.grpc];
  const channels = Array.from({ length: CHANNELS }, () => openChannel(addresses));
  const outcomes: string[] = [];
  const over = new AbortController();
  const callers = channels.flatMap((channel) =>
    Array.from({ length: CALLERS }, async () => {
      for (let turn = 0; !over.signal.aborted; turn += 1) outcomes.push(await checkGrpc(channel, turn));
    }),
  );
  const atLeast = async (count: number): Promise<unknown> =>
    waitUntil(() => (outcomes.length >= count ? true : undefined), { what: 'enough answers', timeoutMs: PATIENCE_MS });
  await atLeast(ENOUGH);
  leaving.gate.run.child.kill('SIGTERM');
  expect(await leaving.gate.run.exited).toBe(0);
  await atLeast(outcomes.length + ENOUGH);
  over.abort();
  await Promise.all(callers);
  for (const channel of channels) channel.close();
  expect([...new Set(outcomes)]).toEqual(['ALLOWED']);
});

it('loses no call at load, of HTTP clients that follow `connection: close`', { timeout: 3 * PATIENCE_MS }, async () => {
  await using leaving = await serve({ drainDelayMs: 2_000, graceMs: GRACE_MS });
  await using staying = await serve({ drainDelayMs: 0, graceMs: GRACE_MS });
  const agents = Array.from({ length: CHANNELS }, () => new Agent({ keepAlive: true, maxSockets: CALLERS }));
  const outcomes: string[] = [];
  const over = new AbortController();
  let told = 0;
  const callers = agents.flatMap((agent) =>
    Array.from({ length: CALLERS }, async () => {
      let { http } = leaving.gate.addresses;
      for (let turn = 0; !over.signal.aborted; turn += 1) {
        const { outcome, closes } = await checkHttp(agent, http, turn);
        outcomes.push(outcome);
        if (!closes || http === staying.gate.addresses.http) continue;
        told += 1;
        ({ http } = staying.gate.addresses);
      }
    }),
  );
  const atLeast = async (count: number): Promise<unknown> =>
    waitUntil(() => (outcomes.length >= count ? true : undefined), { what: 'enough answers', timeoutMs: PATIENCE_MS });
  await atLeast(ENOUGH);
  expect(told).toBe(0);
  leaving.gate.run.child.kill('SIGTERM');
  expect(await leaving.gate.run.exited).toBe(0);
  await atLeast(outcomes.length + ENOUGH);
  over.abort();
  await Promise.all(callers);
  for (const agent of agents) agent.destroy();
  expect([...new Set(outcomes)]).toEqual(['DECISION_ALLOWED']);
  expect(told).toBe(CHANNELS * CALLERS);
});

it.each(['spicedb', 'database', 'redis'] as const)(
  'ends with 0 within the grace, whatever a hung %s holds',
  { timeout: 3 * PATIENCE_MS },
  async (store) => {
    const graceMs = 500;
    await using served = await serve({ drainDelayMs: 0, graceMs });
    const channel = openChannel([served.gate.addresses.grpc]);
    expect(await checkGrpc(channel, 0)).toBe('ALLOWED');
    await served.proxies[store].setMode('hang');
    // Nobody has asked for these: each is looked up everywhere.
    const held = [1, 2, 3].map(async () => checkGrpc(channel, 1));
    const unknown = create(CheckTaskRequestSchema, ask('alice', 'message', `unknown-${store}`));
    requests.push(unknown);
    held.push(checkGrpc(channel, requests.length - 1));
    await delay(200);
    const startedAt = performance.now();
    served.gate.run.child.kill('SIGTERM');
    expect(await served.gate.run.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(graceMs + SLACK_MS);
    const outcomes = await Promise.all(held);
    if (store !== 'redis') expect(outcomes.at(-1)).toMatch(/^(1|13|14): /);
    expect(await readyStatus(served.gate.addresses.admin)).toBe(0);
    channel.close();
  },
);
