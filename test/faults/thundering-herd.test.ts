import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { Sql } from '../../src/parents/sql.ts';
import { CHECK_BULK_PERMISSIONS, CHECK_PERMISSION } from '../../src/relationships/spicedb-methods.ts';
import { ask } from '../support/check-requests.ts';
import { readMetric } from '../support/metrics.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';
import { startWatchProxy } from '../support/watch-proxy.ts';

const { checkTask } = AuthorizationService.method;
const HERD = 1_000;
/** On several connections, as from several processes, so that the calls are read in many turns of the event loop. */
const CLIENTS = 8;

const opened = new AsyncDisposableStack();
const keyPrefix = `herd-${randomUUID()}`;
/** What Redis was asked, but for what other tests ask it. */
const redisCommands: string[] = [];
let gate: TestTaskgate;
let lookups: () => number;
let checks: () => number;

beforeAll(async () => {
  const stores = opened.use(await startSampleStores());
  const proxy = opened.use(await startWatchProxy(stores.spiceDb.endpoint));
  checks = () => proxy.calls(CHECK_PERMISSION.path) + proxy.calls(CHECK_BULK_PERMISSIONS.path);
  const monitored = new Redis(inject('redisUrl'));
  opened.defer(() => monitored.disconnect());
  const monitor = await monitored.monitor();
  opened.defer(() => monitor.disconnect());
  monitor.on('monitor', (_time: string, args: string[]) => {
    if (args.some((arg) => arg.startsWith(keyPrefix))) redisCommands.push(args[0] ?? '');
  });
  let queries = 0;
  lookups = () => queries;
  const counting = (sql: Sql): Sql => ({
    async query(text, values, bounds) {
      // Readiness asks the database by itself, and looks nothing up.
      if (text.includes('= ANY')) queries += 1;
      return sql.query(text, values, bounds);
    },
    close: async () => sql.close(),
  });
  gate = opened.use(
    await startWithStores(
      { ...stores, spiceDb: { ...stores.spiceDb, endpoint: proxy.address, timeoutMs: 30_000 } },
      {
        // Budgets that a machine which is busy with a thousand calls does not use up.
        yaml: `
redis: { key_prefix: ${keyPrefix}, timeout_ms: 5000 }
database: { timeout_ms: 20000, connect_timeout_ms: 20000 }
spicedb: { timeout_ms: 30000 }
limits: { default_timeout_ms: 60000, max_timeout_ms: 60000 }
`,
        decorate: (configured) => ({ ...configured, sql: counting(configured.sql) }),
      },
    ),
  );
  const client = opened.use(createGrpcClient('gRPC', gate.addresses.grpc));
  // Decisions are kept: Watch is followed.
  await vi.waitFor(
    async () => {
      await client.call(checkTask, ask('bob', 'task', 'task-1'));
      const before = checks();
      await client.call(checkTask, ask('bob', 'task', 'task-1'));
      expect(checks()).toBe(before);
    },
    { timeout: 10_000, interval: 50 },
  );
});
afterAll(async () => opened.disposeAsync());

test.each([
  { name: 'a child that may be read', request: ask('alice', 'message', 'msg-1'), decision: Decision.ALLOWED },
  { name: 'a child that may not be', request: ask('dave', 'state', 'state-1'), decision: Decision.NOT_FOUND },
  { name: 'a child that is not there', request: ask('alice', 'message', 'msg-herd'), decision: Decision.NOT_FOUND },
])('a thousand cold calls for $name are one read, one query and one check', async ({ request, decision }) => {
  await using clients = new AsyncDisposableStack();
  const connected = Array.from({ length: CLIENTS }, (_, index) =>
    // A pool of its own for each: else grpc-js would put all on one connection.
    clients.use(createGrpcClient('gRPC', gate.addresses.grpc, { 'grpc.use_local_subchannel_pool': 1, herd: index })),
  );
  await Promise.all(connected.map(async (client) => client.call(checkTask, ask('bob', 'task', 'task-1'))));
  const before = { lookups: lookups(), checks: checks(), redis: redisCommands.length };

  const outcomes = await Promise.all(
    Array.from({ length: HERD }, async (_, index) => connected[index % CLIENTS]?.call(checkTask, request)),
  );

  const decisions = new Set(
    outcomes.map((outcome) => (outcome?.kind === 'message' ? outcome.message.decision : outcome)),
  );
  expect(decisions).toEqual(new Set([decision]));
  await vi.waitFor(() => expect(redisCommands.slice(before.redis)).toContain('set'), 5_000);
  expect(redisCommands.slice(before.redis)).toEqual(['get', 'set']);
  expect(lookups() - before.lookups).toBe(1);
  expect(checks() - before.checks).toBe(1);
  expect(await readMetric(gate.addresses.admin, 'taskgate_breaker_state{dependency="redis",state="closed"}')).toBe(1);
});
