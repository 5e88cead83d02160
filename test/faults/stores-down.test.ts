import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  Decision,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { CheckRequest } from '../support/check-requests.ts';
import { ask, item, user } from '../support/check-requests.ts';
import type { FaultyTaskgate } from '../support/faulty-taskgate.ts';
import { CANARIES, startFaultyTaskgate } from '../support/faulty-taskgate.ts';
import { exchangeHttp1, exchangeHttp2 } from '../support/raw-exchange.ts';
import { frameGrpcMessage } from '../support/raw-http.ts';
import { loadSchema } from '../support/spicedb.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';

const { checkTask, batchCheckTask } = AuthorizationService.method;
const PATH = `/${AuthorizationService.typeName}/${checkTask.name}`;
/** Longer than two rounds of readiness probes, each at its time limit. */
const SOON = { timeout: 9_000, interval: 50 };

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores[Symbol.asyncDispose]());

/** The name of a decision, or the code of an error with its message, which must be one of ours. */
async function outcomeOf({ client }: FaultyTaskgate, request: CheckRequest): Promise<string> {
  const outcome = await client.call(checkTask, request);
  return outcome.kind === 'message' ? Decision[outcome.message.decision] : `${outcome.code}: ${outcome.message}`;
}

const FAILED = {
  spicedb: /^(UNAVAILABLE: spicedb is unavailable|DEADLINE_EXCEEDED: deadline exceeded): nothing was decided$/,
  database: /^(UNAVAILABLE: database is unavailable|DEADLINE_EXCEEDED: deadline exceeded): nothing was decided$/,
} as const;

/** Everything that is answered about a check, over gRPC and Connect: headers, body and trailers. */
async function allBytesAbout({ gate }: FaultyTaskgate, request: CheckRequest): Promise<string> {
  const message = create(CheckTaskRequestSchema, request);
  const answers = await Promise.all([
    exchangeHttp1(`http://${gate.addresses.http}${PATH}`, {
      headers: { 'content-type': 'application/json' },
      body: toJsonString(CheckTaskRequestSchema, message),
    }),
    exchangeHttp2(gate.addresses.grpc, PATH, {
      headers: { 'content-type': 'application/grpc+proto', te: 'trailers' },
      body: frameGrpcMessage(toBinary(CheckTaskRequestSchema, message)),
    }),
    exchangeHttp1(`http://${gate.addresses.admin}/readyz`, { method: 'GET' }),
    exchangeHttp1(`http://${gate.addresses.admin}/metrics`, { method: 'GET' }),
  ]);
  return JSON.stringify(answers);
}

function expectNoSecrets(text: string): void {
  for (const canary of Object.values(CANARIES)) expect(text).not.toContain(canary);
}

/** No secret, and no word of a driver or of the network, was sent; no secret was logged. */
async function expectNothingLeaks(faulty: FaultyTaskgate, request: CheckRequest): Promise<void> {
  const sent = await allBytesAbout(faulty, request);
  expectNoSecrets(sent);
  const addresses = Object.values(faulty.stores).map(({ address }) => address);
  for (const text of [
    'ECONN',
    'connect E',
    'timeout expired',
    'No connection established',
    'node_modules',
    ...addresses,
  ]) {
    expect(sent).not.toContain(text);
  }
  expectNoSecrets(faulty.gate.logged.join('\n'));
}

describe.concurrent.each(['refuse', 'hang'] as const)('SpiceDB: %s', (mode) => {
  it('never decides while it is down, and decides again when it is back', async () => {
    await using faulty = await startFaultyTaskgate(stores);
    await vi.waitFor(
      async () => expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toBe('ALLOWED'),
      SOON,
    );
    await faulty.stores.spicedb.setMode(mode);

    const asked = [
      ask('alice', 'task', 'task-1', Operation.DELETE),
      ask('carol', 'message', 'msg-1'),
      ask('dave', 'task', 'task-1'),
      ask('alice', 'message', 'msg-none'),
      ask('dave', 'task', '*', Operation.CREATE),
    ];
    for (const outcome of await Promise.all(asked.map(async (request) => outcomeOf(faulty, request)))) {
      expect(outcome).toMatch(FAILED.spicedb);
    }
    const batch = await faulty.client.call(batchCheckTask, {
      principal: user('bob'),
      checks: [item('task', 'task-1'), item('ship', 'x')],
    });
    const errors = batch.kind === 'message' ? batch.message.results.map(({ outcome }) => outcome) : [];
    expect(errors).toMatchObject([{ case: 'error' }, { case: 'error', value: { code: 3 } }]);
    expect([4, 14]).toContain(errors[0]?.case === 'error' && errors[0].value.code);

    await vi.waitFor(async () => {
      expect(await faulty.readiness()).toMatchObject({
        status: 503,
        dependencies: { database: 'ok', spicedb: expect.not.stringMatching('ok') as string },
      });
    }, SOON);
    await expectNothingLeaks(faulty, ask('dave', 'task', 'task-1', Operation.DELETE));

    await faulty.stores.spicedb.setMode('ok');
    await vi.waitFor(
      async () => expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1', Operation.DELETE))).toBe('ALLOWED'),
      SOON,
    );
    expect(await outcomeOf(faulty, ask('dave', 'message', 'msg-1'))).toBe('NOT_FOUND');
    await vi.waitFor(async () => expect(await faulty.readiness()).toMatchObject({ status: 200 }), SOON);
  });

  it('starts without it, not ready, and becomes ready', async () => {
    await using faulty = await startFaultyTaskgate(stores, { down: 'spicedb', mode });
    await vi.waitFor(
      async () => expect(await faulty.readiness()).toMatchObject({ status: 503, dependencies: { database: 'ok' } }),
      SOON,
    );
    for (const request of [
      ask('alice', 'task', 'task-1'),
      ask('alice', 'message', 'msg-1'),
      ask('alice', 'message', 'msg-none'),
    ]) {
      expect(await outcomeOf(faulty, request)).toMatch(FAILED.spicedb);
    }
    await faulty.stores.spicedb.setMode('ok');
    await vi.waitFor(
      async () => expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toBe('ALLOWED'),
      SOON,
    );
    await vi.waitFor(
      async () => expect(await faulty.readiness()).toMatchObject({ status: 200, dependencies: { sentinels: 'ok' } }),
      SOON,
    );
  });
});

it.concurrent('gives up what it remembers of SpiceDB once it is gone', async () => {
  await using faulty = await startFaultyTaskgate(stores);
  expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1'))).toBe('ALLOWED');
  await faulty.stores.spicedb.setMode('refuse');
  const outcome = async () => outcomeOf(faulty, ask('alice', 'task', 'task-1'));
  await vi.waitFor(async () => expect(await outcome()).toMatch(FAILED.spicedb), { timeout: 2_000, interval: 20 });
});

describe.concurrent.each(['refuse', 'hang'] as const)('database: %s', (mode) => {
  it('decides what needs no lookup, and nothing else, while it is down', async () => {
    await using faulty = await startFaultyTaskgate(stores);
    expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toBe('ALLOWED');
    await faulty.stores.database.setMode(mode);
    await expectDatabaseDown(faulty);
    // Its parent is remembered.
    expect(await outcomeOf(faulty, ask('carol', 'message', 'msg-1'))).toBe('ALLOWED');
    await faulty.stores.database.setMode('ok');
    await vi.waitFor(
      async () => expect(await outcomeOf(faulty, ask('alice', 'state', 'state-1'))).toBe('ALLOWED'),
      SOON,
    );
    expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-none'))).toBe('NOT_FOUND');
    await vi.waitFor(async () => expect(await faulty.readiness()).toMatchObject({ status: 200 }), SOON);
  });

  it('starts without it, not ready, and becomes ready', async () => {
    await using faulty = await startFaultyTaskgate(stores, { down: 'database', mode });
    await expectDatabaseDown(faulty);
    expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toMatch(FAILED.database);
    await faulty.stores.database.setMode('ok');
    await vi.waitFor(
      async () => expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toBe('ALLOWED'),
      SOON,
    );
    await vi.waitFor(async () => expect(await faulty.readiness()).toMatchObject({ status: 200 }), SOON);
  });
});

/** `state-1` and `msg-none` were not asked before. */
async function expectDatabaseDown(faulty: FaultyTaskgate): Promise<void> {
  for (const request of [ask('alice', 'state', 'state-1'), ask('alice', 'message', 'msg-none')]) {
    expect(await outcomeOf(faulty, request)).toMatch(FAILED.database);
  }
  expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1'))).toBe('ALLOWED');
  expect(await outcomeOf(faulty, ask('dave', 'task', 'task-1'))).toBe('NOT_FOUND');
  expect(await outcomeOf(faulty, ask('alice', 'checkpoint', 'task-1'))).toBe('ALLOWED');
  await vi.waitFor(async () => {
    expect(await faulty.readiness()).toMatchObject({
      status: 503,
      dependencies: { database: expect.stringMatching(FAILED_PROBE) as string, spicedb: 'ok' },
    });
  }, SOON);
  await expectNothingLeaks(faulty, ask('alice', 'message', 'msg-none-either'));
}

const FAILED_PROBE = /^(database is unavailable|deadline exceeded): nothing was decided$/;

describe.concurrent.each(['refuse', 'hang'] as const)('Redis: %s', (mode) => {
  it('changes no decision, and degrades without unreadiness', async () => {
    await using faulty = await startFaultyTaskgate(stores);
    await vi.waitFor(
      async () => expect(await faulty.readiness()).toMatchObject({ status: 200, dependencies: { redis: 'ok' } }),
      SOON,
    );
    await faulty.stores.redis.setMode(mode);
    await expectRedisDown(faulty);
    await faulty.stores.redis.setMode('ok');
    await vi.waitFor(
      async () => expect(await faulty.readiness()).toMatchObject({ status: 200, dependencies: { redis: 'ok' } }),
      SOON,
    );
  });

  it('starts without it', async () => {
    await using faulty = await startFaultyTaskgate(stores, { down: 'redis', mode });
    await expectRedisDown(faulty);
  });
});

async function expectRedisDown(faulty: FaultyTaskgate): Promise<void> {
  const decided = [
    [ask('alice', 'message', 'msg-1'), 'ALLOWED'],
    [ask('alice', 'state', 'state-1'), 'ALLOWED'],
    [ask('dave', 'message', 'msg-1'), 'NOT_FOUND'],
    [ask('alice', 'message', 'msg-none'), 'NOT_FOUND'],
    [ask('alice', 'message', 'msg-9'), 'NOT_FOUND'],
  ] as const;
  for (const [request, expected] of decided) expect(await outcomeOf(faulty, request)).toBe(expected);
  await vi.waitFor(async () => {
    expect(await faulty.readiness()).toMatchObject({
      status: 200,
      dependencies: { redis: 'degraded', database: 'ok', spicedb: 'ok' },
    });
  }, SOON);
  await expectNothingLeaks(faulty, ask('alice', 'message', 'msg-none-either'));
}

describe.concurrent.each(['spicedb', 'database'] as const)('%s: connections that are reset', (name) => {
  it('are errors at worst, and are gone when it is back', async () => {
    await using faulty = await startFaultyTaskgate(stores);
    const request =
      name === 'spicedb' ? ask('alice', 'task', 'task-1', Operation.DELETE) : ask('alice', 'state', 'state-1');
    await faulty.stores[name].setMode('reset');
    expect(await outcomeOf(faulty, request)).toMatch(FAILED[name]);
    await faulty.stores[name].setMode('ok');
    await vi.waitFor(async () => expect(await outcomeOf(faulty, request)).toBe('ALLOWED'), SOON);
  });
});

it.concurrent('is not ready while the schema lacks a permission, and names it', async () => {
  const schema = loadSchema().replace(/^\tpermission cancel = .*$/m, '');
  await using lacking = await startSampleStores({ schema });
  await using faulty = await startFaultyTaskgate(lacking);
  expect(await faulty.readiness()).toMatchObject({
    status: 503,
    dependencies: { spicedb: 'the schema lacks task#cancel' },
  });
  expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1', Operation.CANCEL))).toMatch(FAILED.spicedb);
  expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1'))).toBe('ALLOWED');
});

describe.concurrent.each([
  ['a table', { table: 'no_such_table', column: 'task_id' }, 'types.message.table: there is no table no_such_table'],
  [
    'a column',
    { table: 'messages', column: 'no_such_column' },
    'types.message.parents.task: there is no column no_such_column',
  ],
])('%s that does not exist', (_, { table, column }, problem) => {
  it('keeps it from being ready, and its setting is named', async () => {
    const yaml = `types: { message: { table: ${table}, id: id, parents: { task: ${column} }, operations: { read: task.read } } }`;
    await using faulty = await startFaultyTaskgate(stores, { yaml });
    expect(await faulty.readiness()).toMatchObject({
      status: 503,
      dependencies: { database: expect.stringContaining(problem) as string },
    });
    expect(await outcomeOf(faulty, ask('alice', 'message', 'msg-1'))).toMatch(FAILED.database);
    expect(await outcomeOf(faulty, ask('alice', 'task', 'task-1'))).toBe('ALLOWED');
  });
});
