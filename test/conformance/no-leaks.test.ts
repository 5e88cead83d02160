// First: it moves the clock that the server takes.
import { advanceClock } from '../support/shifted-clock.ts';
import type { DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { AuthorizationService, Decision, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { ask, item, user } from '../support/check-requests.ts';
import type { RawResponse } from '../support/raw-http.ts';
import { postGrpc, postHttp1 } from '../support/raw-http.ts';
import type { RecordedTaskgate } from '../support/recorded-taskgate.ts';
import { startRecordedTaskgate } from '../support/recorded-taskgate.ts';
import { callContext, SYSTEM_CLOCK, task } from '../support/spicedb.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { execute } from '../support/test-database.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const {
  batchCheckTask,
  checkTask,
  deregisterResource,
  filterReadableTasks,
  grantRole,
  listReadableTasks,
  registerResource,
  revokeRole,
} = AuthorizationService.method;
/** Longer than anything of a denial is kept by default, and shorter than a parent. */
const AGED_MS = 6_000;
const DENIED_MESSAGES = 12;
const NOT_FOUND = { kind: 'message', message: { decision: Decision.NOT_FOUND } };
const UNAVAILABLE = { kind: 'error', code: 'UNAVAILABLE' };

/** One call at a time, and time enough for one that is held. */
const NARROW = `{limits: {max_concurrent_calls: 1, max_queued_calls: 0, default_timeout_ms: 9000}, spicedb: {timeout_ms: 8000}, database: {timeout_ms: 7000}}`;

let stores: SampleStores;
let gate: RecordedTaskgate;
/** Takes one call at a time. */
let narrowGate: RecordedTaskgate;
let client: TestClient;

beforeAll(async () => {
  stores = await startSampleStores();
  const rows = Array.from({ length: DENIED_MESSAGES }, (_, n) => `('denied-${n}', 'task-1')`);
  await execute(stores.databaseUrl, `INSERT INTO messages (id, task_id) VALUES ${rows.join(',')}`);
  const redisUrl = inject('redisUrl');
  gate = await startRecordedTaskgate(stores, { redisUrl, yaml: '{}' });
  narrowGate = await startRecordedTaskgate(stores, { redisUrl, yaml: NARROW });
  client = createGrpcClient('gRPC', gate.addresses.grpc);
  // Once changes are followed, decisions are kept.
  await vi.waitFor(async () => {
    gate.take();
    expect(await client.call(checkTask, ask('dave', 'message', 'msg-1'))).toMatchObject(NOT_FOUND);
    expect(gate.take()).toEqual([]);
  });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await Promise.all([gate, narrowGate].map(async (each) => each[Symbol.asyncDispose]()));
  await stores[Symbol.asyncDispose]();
});

/** All of a response but the time and the decision id, of which only the length counts. */
function normalize({ headers, body, trailers }: RawResponse): string {
  const lines = [...headers, ...trailers].filter((line) => !/^date:/i.test(line));
  const fixed = lines.map((line) =>
    line.replace(/^(taskgate-decision-id: )(.*)$/i, (_, name: string, id: string) => `${name}${id.length}`),
  );
  return [...fixed, body.toString('latin1')].join('\n');
}

const raw: Readonly<
  Record<
    string,
    <Method extends DescMethod>(
      method: Method,
      request: MessageInitShape<Method['input']>,
      of?: RecordedTaskgate,
    ) => Promise<string>
  >
> = {
  async gRPC(method, request, { addresses } = gate) {
    const message = toBinary(method.input, create(method.input, request));
    return normalize(await postGrpc(addresses.grpc, pathOf(method), message));
  },
  async Connect(method, request, { addresses } = gate) {
    const message = toJsonString(method.input, create(method.input, request));
    const url = `http://${addresses.http}${pathOf(method)}`;
    return normalize(await postHttp1(url, { 'content-type': 'application/json' }, message));
  },
};

const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;
const byId = (type: string, id: string) => ({ type, key: { case: 'id' as const, value: id } });

describe.each(Object.entries(raw))('over %s', (transport, send) => {
  it('says of an id that is taken only that it is, whoever has it, and whatever is known of the principal', async () => {
    const task1 = byId('task', 'task-1');
    const answers = {
      'of another principal': await send(registerResource, { principal: user('dave'), resource: task1 }),
      'of another account': await send(registerResource, {
        principal: user('mallory', 'globex'),
        resource: task1,
        parent: byId('agent', 'agent-9'),
      }),
      'of the other account': await send(registerResource, {
        principal: user('dave'),
        resource: byId('task', 'task-9'),
      }),
      'of a viewer': await send(registerResource, { principal: user('carol'), resource: task1 }),
      'of its own, without the parent': await send(registerResource, { principal: user('alice'), resource: task1 }),
    };
    const [first] = Object.values(answers);
    expect(answers).toEqual(Object.fromEntries(Object.keys(answers).map((name) => [name, first])));
    expect(first).toMatch(/grpc-status: 6|already_exists/);
    expect(first).not.toMatch(/alice|mallory|acme|globex|agent-|task-\d/);
  });

  it('says nothing of an id that is taken below a parent that is hidden', async () => {
    const register = async (id: string, parent: string): Promise<string> =>
      send(registerResource, { principal: user('dave'), resource: byId('task', id), parent: byId('agent', parent) });
    const free = await register('task-free', 'agent-none');
    expect(free).toMatch(/grpc-status: 5|not_found/);
    expect(await register('task-1', 'agent-none')).toBe(free);
    expect(await register('task-1', 'agent-1')).toBe(free);
    expect(await register('task-free', 'agent-1')).toBe(free);
    expect(await register('task-free', 'agent-9')).toBe(free);
  });

  it.each([
    ['GrantRole', grantRole],
    ['RevokeRole', revokeRole],
  ] as const)('answers %s on what is hidden with the same bytes', async (_name, method) => {
    const change = async (id: string): Promise<string> =>
      send(method, {
        principal: user('dave'),
        resource: byId('task', id),
        role: Role.VIEWER,
        subject: { subject: { case: 'userId', value: 'eve' } },
      });
    const absent = await change('task-none');
    expect(absent).toMatch(/grpc-status: 5|not_found/);
    expect(await change('task-1')).toBe(absent);
    expect(await change('task-9')).toBe(absent);
    expect(await change('task-5')).toBe(absent);
  });

  it('answers a batch and a filter of hidden resources with the same bytes', async () => {
    const checks = (ids: readonly string[]) => ({
      principal: user('dave'),
      checks: ids.flatMap((id) => [item('message', `msg-${id}`), item('task', `task-${id}`)]),
    });
    const resources = (ids: readonly string[]) => ({
      principal: user('dave'),
      resources: ids.flatMap((id) => [byId('message', `msg-${id}`), byId('task', `task-${id}`)]),
    });
    const [denied, absent] = [
      ['1', '9', '5'],
      ['7', '8', '6'],
    ];
    expect(await send(batchCheckTask, checks(denied ?? []))).toBe(await send(batchCheckTask, checks(absent ?? [])));
    const filtered = await send(filterReadableTasks, resources(denied ?? []));
    expect(filtered).toBe(await send(filterReadableTasks, resources(absent ?? [])));
    expect(filtered).not.toMatch(/msg|task-/);
  });

  it('refuses what is over the bound on concurrent calls with the same bytes, whatever is asked and known', async () => {
    const known = async (id: string): Promise<string> => send(checkTask, ask('dave', 'task', id), narrowGate);
    const before = await known('task-1');
    expect(await known('task-none')).toBe(before);
    narrowGate.setDatabase('held');
    // The bound is each listener's own, and the call before may still count.
    let held: Promise<unknown> | undefined;
    const hold = async (): Promise<void> => {
      await send(checkTask, ask('dave', 'message', `held-over-${transport}`), narrowGate);
      held = undefined;
    };
    try {
      await vi.waitFor(
        () => {
          held ??= hold();
          expect(narrowGate.take().join()).toContain('database');
        },
        { timeout: 6_000 },
      );
      const refused = await send(checkTask, ask('dave', 'task', 'task-1'), narrowGate);
      expect(refused).toMatch(/grpc-status: 8|resource_exhausted/);
      for (const [type, id] of [
        ['task', 'task-none'],
        ['task', 'task-9'],
        ['message', 'msg-1'],
        ['message', 'msg-none'],
      ] as const) {
        expect(await send(checkTask, ask('dave', type, id), narrowGate)).toBe(refused);
      }
    } finally {
      narrowGate.setDatabase('ok');
      await held;
    }
  });
});

it('answers DeregisterResource of what is hidden as of what is absent, and removes nothing', async () => {
  const outcomes = await Promise.all(
    ['task-9', 'task-none'].map(async (id) =>
      client.call(deregisterResource, { principal: user('dave'), resource: byId('task', id) }),
    ),
  );
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ kind: 'message', message: { writtenAt: expect.stringMatching(/./) } });
  }
  const stillThere = { principal: user('mallory', 'globex'), ...item('task', 'task-9', Operation.DELETE) };
  expect(await client.call(checkTask, stillThere)).toMatchObject({ message: { decision: Decision.ALLOWED } });
});

describe('a list', () => {
  /** Every event of zoe's list with a page for each task, as JSON, and what is in the cursors. */
  async function readList() {
    const events: string[] = [];
    const cursors: string[] = [];
    for await (const { event } of client.stream(listReadableTasks, {
      principal: user('zoe'),
      operation: Operation.READ,
      pageSize: 1,
    })) {
      events.push(event.case === 'page' ? `page ${event.value.taskIds.join()}` : String(event.case));
      if (event.case === 'page') cursors.push(event.value.cursor);
    }
    return { events, cursors };
  }

  it('and its cursors are the same however many tasks are hidden from it', async () => {
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
    try {
      const register = async (id: string, owner: string): Promise<void> => {
        const tenant = { kind: 'tenant', account: 'acme' } as const;
        await chain.writer.touch(
          [
            { object: task(id), relation: 'tenant', subject: { kind: 'object', object: tenant } },
            { object: task(id), relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id: owner } },
          ],
          callContext(),
        );
      };
      for (const id of ['zoe-1', 'zoe-3']) await register(id, 'zoe');
      const few = await vi.waitFor(async () => {
        const list = await readList();
        expect(list.events).toEqual(['page zoe-1', 'page zoe-3', 'complete']);
        return list;
      });
      for (let n = 0; n < 20; n += 1) await register(`zoe-2-hidden-${n}`, 'alice');
      const many = await readList();
      expect(many.events).toEqual(few.events);
      expect(many.cursors.map((cursor) => cursor.length)).toEqual(few.cursors.map((cursor) => cursor.length));
      // Nothing is in them but the last id that was given, and a revision.
      for (const cursor of many.cursors) {
        expect(Buffer.from(cursor, 'base64url').subarray(32).toString()).toMatch(/^\[1,"[^"]+","zoe-[13]"\]$/);
      }
    } finally {
      chain.close();
    }
  });
});

describe('while the database is down', () => {
  let next = 0;
  const pair = () => [`denied-${(next += 1)}`, `absent-${next}`] as const;
  const check = async (id: string) => client.call(checkTask, ask('dave', 'message', id));

  it.each<[string, (id: string) => Promise<unknown>, object]>([
    ['that nobody has asked about', async () => undefined, UNAVAILABLE],
    ['that was asked about just now', check, NOT_FOUND],
    [
      'that was asked about a while ago',
      async (id) => {
        await check(id);
        advanceClock(AGED_MS);
      },
      UNAVAILABLE,
    ],
    [
      'that its owner uses',
      async (id) => {
        await client.call(checkTask, ask('alice', 'message', id));
        advanceClock(AGED_MS);
      },
      UNAVAILABLE,
    ],
  ])('what is denied, %s, fails exactly where what is absent does', async (_, prepare, expected) => {
    const [denied, absent] = pair();
    await prepare(denied);
    const outcomes: unknown[] = [];
    try {
      gate.setDatabase('down');
      outcomes.push(await check(denied));
      gate.setDatabase('ok');
      await prepare(absent);
      gate.setDatabase('down');
      outcomes.push(await check(absent));
    } finally {
      gate.setDatabase('ok');
    }
    expect(outcomes).toMatchObject([expected, expected]);
    // What is allowed is known for as long as a parent is.
    gate.setDatabase('ok');
    expect(await client.call(checkTask, ask('alice', 'message', denied))).toMatchObject({
      message: { decision: Decision.ALLOWED },
    });
  });
});
