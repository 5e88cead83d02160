import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthorizationService, CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import { exchangeHttp1, exchangeHttp2 } from '../support/raw-exchange.ts';
import { frameGrpcMessage } from '../support/raw-http.ts';
import type { SilentHttp2 } from '../support/silent-http2.ts';
import { startSilentHttp2 } from '../support/silent-http2.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';

const { checkTask } = AuthorizationService.method;
const PATH = `/${AuthorizationService.typeName}/${checkTask.name}`;
/** A task by its id is asked about beside a sentinel. */
const CHECK = '/authzed.api.v1.PermissionsService/CheckPermission';
const DEFAULT_MS = 600;
const MAX_MS = 700;
/** What a busy machine may add to any of them. */
const SLACK_MS = 150;

const opened = new AsyncDisposableStack();
let silent: SilentHttp2;
let gate: TestTaskgate;
beforeAll(async () => {
  const stores = opened.use(await startSampleStores());
  silent = opened.use(await startSilentHttp2());
  const yaml = `
    database: { timeout_ms: 200, connect_timeout_ms: 200 }
    spicedb: { timeout_ms: 300 }
    limits: { default_timeout_ms: ${DEFAULT_MS}, max_timeout_ms: ${MAX_MS} }`;
  // SpiceDB's own limit is far away: what ends the calls is theirs.
  gate = opened.use(
    await startWithStores({ ...stores, spiceDb: { endpoint: silent.endpoint, timeoutMs: 60_000 } }, { yaml }),
  );
});
afterAll(async () => opened.disposeAsync());

const message = create(CheckTaskRequestSchema, ask('alice', 'task', 'task-1'));
const framed = frameGrpcMessage(toBinary(CheckTaskRequestSchema, message));

/** Sends the deadline as a header and waits without one, so that only the server can end the call. Gives its code. */
const TRANSPORTS: Readonly<Record<string, (timeoutMs: number | undefined) => Promise<string>>> = {
  async gRPC(timeoutMs) {
    const timeout = timeoutMs === undefined ? {} : { 'grpc-timeout': toGrpcTimeout(timeoutMs) };
    const { headers, trailers } = await exchangeHttp2(gate.addresses.grpc, PATH, {
      headers: { 'content-type': 'application/grpc+proto', te: 'trailers', ...timeout },
      body: framed,
    });
    return `${String(trailers['grpc-status'] ?? headers['grpc-status'])} ${decodeURIComponent(String(trailers['grpc-message'] ?? headers['grpc-message']))}`;
  },
  async 'Connect JSON'(timeoutMs) {
    const timeout = timeoutMs === undefined ? {} : { 'connect-timeout-ms': String(timeoutMs) };
    const { status, body } = await exchangeHttp1(`http://${gate.addresses.http}${PATH}`, {
      headers: { 'content-type': 'application/json', ...timeout },
      body: toJsonString(CheckTaskRequestSchema, message),
    });
    const { code, message: text } = JSON.parse(body) as { code: string; message: string };
    return `${status === 504 && code === 'deadline_exceeded' ? 4 : `${status} ${code}`} ${text}`;
  },
  async 'gRPC-Web'(timeoutMs) {
    const timeout = timeoutMs === undefined ? {} : { 'grpc-timeout': toGrpcTimeout(timeoutMs) };
    const { headers, body } = await exchangeHttp1(`http://${gate.addresses.http}${PATH}`, {
      headers: { 'content-type': 'application/grpc-web+proto', ...timeout },
      body: framed,
    });
    const text = `${body}\ngrpc-status: ${String(headers['grpc-status'])}\ngrpc-message: ${String(headers['grpc-message'])}\n`;
    const field = (name: string): string => new RegExp(`${name}: ?([^\\r\\n]*)`).exec(text)?.[1] ?? '';
    return `${field('grpc-status')} ${decodeURIComponent(field('grpc-message'))}`;
  },
};

/** At most eight digits, so hours for what is huge. */
function toGrpcTimeout(timeoutMs: number): string {
  return timeoutMs < 100_000_000 ? `${timeoutMs}m` : `${Math.floor(timeoutMs / 3_600_000)}H`;
}

/** The most that Connect has digits for: more than a timer can wait. */
const HUGE_MS = 9_999_999_999;

describe.each(Object.entries(TRANSPORTS))('over %s', (_, call) => {
  it.each([
    ['the caller names', 300, 300],
    ['is given to a call that names none', undefined, DEFAULT_MS],
    ['a longer one is clamped to', 60_000, MAX_MS],
    ['a huge one is clamped to', HUGE_MS, MAX_MS],
  ])('the deadline that %s is kept', async (__, timeoutMs, expectedMs) => {
    const startedAt = performance.now();
    expect(await call(timeoutMs)).toMatch(/^4 deadline exceeded/i);
    const tookMs = performance.now() - startedAt;
    // A timer may fire a little early.
    expect(tookMs).toBeGreaterThan(expectedMs * 0.95);
    expect(tookMs).toBeLessThan(expectedMs * 1.2 + SLACK_MS);
  });

  it('a deadline that has passed is exceeded at once', async () => {
    const startedAt = performance.now();
    expect(await call(0)).toMatch(/^4 deadline exceeded/i);
    expect(performance.now() - startedAt).toBeLessThan(SLACK_MS);
  });

  it('calls that wait side by side do not add up', async () => {
    const startedAt = performance.now();
    const codes = await Promise.all(Array.from({ length: 20 }, async () => call(300)));
    for (const code of codes) expect(code).toMatch(/^4 /);
    expect(performance.now() - startedAt).toBeLessThan(300 * 1.2 + 2 * SLACK_MS);
  });
});

describe('a caller that leaves', () => {
  const count = (list: readonly string[]): number => list.filter((path) => path === CHECK).length;

  it.each<[string, () => Promise<() => Promise<void>>]>([
    ['resets its gRPC stream', startGrpcCall],
    ['closes its Connect request', startConnectCall],
  ])('%s: its call of SpiceDB is cancelled, and others are answered', async (_, start) => {
    await vi.waitFor(() => expect(count(silent.reset)).toBe(count(silent.started)), { timeout: 2_000, interval: 5 });
    const before = { started: count(silent.started), reset: count(silent.reset) };
    const leave = await start();
    await vi.waitFor(() => expect(count(silent.started)).toBe(before.started + 1), { timeout: 500, interval: 5 });
    expect(count(silent.reset)).toBe(before.reset);
    const leftAt = performance.now();
    await leave();
    await vi.waitFor(() => expect(count(silent.reset)).toBe(before.reset + 1), { timeout: MAX_MS, interval: 5 });
    expect(performance.now() - leftAt).toBeLessThan(DEFAULT_MS / 2);
    const answer = await exchangeHttp1(`http://${gate.addresses.http}${PATH}`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(400);
  });
});

async function startGrpcCall(): Promise<() => Promise<void>> {
  const session = connectHttp2(`http://${gate.addresses.grpc}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.end(framed);
  return async () => {
    const closed = once(stream, 'close');
    stream.close(8);
    await closed;
    session.destroy();
  };
}

async function startConnectCall(): Promise<() => Promise<void>> {
  const controller = new AbortController();
  const ended = fetch(`http://${gate.addresses.http}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: toJsonString(CheckTaskRequestSchema, message),
    signal: controller.signal,
  }).catch(() => undefined);
  return async () => {
    controller.abort();
    await ended;
  };
}
