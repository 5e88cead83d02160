import { randomBytes } from 'node:crypto';
import { Code } from '@connectrpc/connect';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { SigningKey } from '../../src/parents/parent-entry.ts';
import { encodeParentEntry } from '../../src/parents/parent-entry.ts';
import { toParentKeyText, toRedisKey, toSignedKey } from '../../src/parents/parent-key.ts';
import { user } from '../support/check-requests.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import { execute } from '../support/test-database.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { batchCheckTask, registerResource, deregisterResource } = AuthorizationService.method;
const PREFIX = `poisoning-${randomBytes(4).toString('hex')}`;
const OLD_KEY: SigningKey = { id: 'old', secret: 'a key that was rotated out long ago' };
const KEY: SigningKey = { id: 'env', secret: `the key in force, ${randomBytes(8).toString('hex')}` };
const FOUND_TTL_MS = 3_000;
const ABSENT_TTL_MS = 2_000;
const MEBIBYTE = 1_048_576;

/** Memory for a single parent, so that Redis is asked again each time. */
const yaml = `{
  redis: {key_prefix: ${PREFIX}, timeout_ms: 400},
  parents: {memory_max_entries: 1, found_ttl_ms: ${FOUND_TTL_MS}, absent_ttl_ms: ${ABSENT_TTL_MS}, name_ttl_ms: ${FOUND_TTL_MS}, jitter: 0}}`;

let stores: SampleStores;
let gate: TestTaskgate;
let client: TestClient;
/** What the attacker has: a connection that may do anything. */
let attacker: Redis;
beforeAll(async () => {
  stores = await startSampleStores();
  gate = await startWithStores(stores, { yaml, signingSecret: KEY.secret });
  client = createGrpcClient('gRPC', gate.addresses.grpc);
  attacker = new Redis(inject('redisUrl'));
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gate.close();
  await stores[Symbol.asyncDispose]();
  attacker.disconnect();
});
beforeEach(async () => {
  for (const key of await attacker.keys(`${PREFIX}:*`)) await attacker.del(key);
});

interface Asked {
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly parentType?: string;
}
const RESOURCES: readonly Asked[] = [
  ...['msg-1', 'msg-5', 'msg-9', 'msg-orphan', 'msg-none'].map((id) => ({ type: 'message', id })),
  { type: 'state', id: 'state-1' },
  { type: 'tracker', id: 'tracker-1' },
  { type: 'event', id: 'event-1' },
  ...['quarterly-report', 'globex-secret', 'no-such-name'].map((name) => ({ type: 'task', name })),
  ...['report-writer', 'globex-bot'].map((name) => ({ type: 'agent', name })),
];
const PRINCIPALS = [
  user('alice'),
  user('carol'),
  user('dave'),
  user('mallory', 'globex'),
  user('alice', 'globex'),
] as const;
/** Asked last, and each time another: takes the one place in memory. */
let lastAsked = 0;
const last = (): Asked => ({ type: 'message', id: `last-${(lastAsked += 1)}` });

/** Decisions on reading and on updating each resource. */
async function ask(principal: (typeof PRINCIPALS)[number], resources: readonly Asked[]): Promise<readonly string[]> {
  const checks = [...resources, last()].flatMap(({ type, id, name }) =>
    [Operation.READ, Operation.UPDATE].map((operation) => ({
      operation,
      resource: {
        type,
        key: name === undefined ? { case: 'id' as const, value: id ?? '' } : { case: 'name' as const, value: name },
      },
    })),
  );
  const outcome = await client.call(batchCheckTask, { principal, checks });
  if (outcome.kind !== 'message') throw new Error(outcome.message);
  return outcome.message.results
    .slice(0, -2)
    .map(({ outcome: { case: kind, value } }) =>
      kind === 'answer' ? (Decision[value.decision] ?? '') : `${kind} ${value?.code}`,
    );
}

const read = async (asked: Asked): Promise<string | undefined> => (await ask(user('alice'), [asked]))[0];

function keyOf({ type, id, name, parentType = 'task' }: Asked): string {
  const by = name === undefined ? 'id' : 'name';
  return toRedisKey(PREFIX, toParentKeyText({ type, by, value: name ?? id ?? '', parentType }));
}

async function rejected(): Promise<number> {
  const { body } = await exchangeHttp1(`http://${gate.addresses.admin}/metrics`, { method: 'GET' });
  const line = body
    .split('\n')
    .find((one) => /parent_lookups.*redis.*rejected|parent_lookups.*rejected.*redis/.test(one));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** The entry that taskgate writes when it is asked, which it may not while it connects to Redis again. */
async function entryOf(asked: Asked): Promise<Buffer> {
  return vi.waitFor(
    async () => {
      await read(asked);
      const entry = await attacker.getBuffer(keyOf(asked));
      if (entry === null) throw new Error('there is no entry');
      return entry;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** Until when an entry says that it counts, which its signature covers. */
function expiryOf(entry: Buffer): number {
  return Number(entry.readBigUInt64BE(2 + (entry[1] ?? 0)));
}

const forge = (key: string, signingKey: SigningKey, signedFor = toSignedKey(PREFIX, key)): Buffer =>
  encodeParentEntry(
    signedFor,
    { kind: 'found', id: 'task-1' },
    {
      keyRing: [signingKey],
      expiresAtMs: Date.now() + 60_000,
    },
  );

describe('an attacker who can write Redis', { timeout: 60_000 }, () => {
  test('could do everything with the secret: it is what these tests rest on', async () => {
    // There is none of them. What is denied is looked up anew, and what was forged about it is replaced.
    const [forged, spoilt] = ['msg-forged', 'msg-spoilt'].map((id): Asked => ({ type: 'message', id })) as [
      Asked,
      Asked,
    ];
    await attacker.set(keyOf(forged), forge(keyOf(forged), KEY));
    await attacker.set(keyOf(spoilt), forge(keyOf(spoilt), { ...KEY, secret: 'not the secret that signs here' }));
    expect(await read(forged)).toBe('ALLOWED');
    expect(await read(spoilt)).toBe('NOT_FOUND');
  });

  test('changes no decision by moving entries between children, names, types, parents and tenants', async () => {
    const truth = await Promise.all(PRINCIPALS.map(async (principal) => ask(principal, RESOURCES)));
    const words = new Set(['ALLOWED', 'NOT_FOUND', `error ${Code.InvalidArgument}`]);
    expect(new Set(truth.flat())).toEqual(words);
    const lookups = RESOURCES.length + 1;
    await expect.poll(async () => (await attacker.keys(`${PREFIX}:*`)).length).toBeGreaterThanOrEqual(lookups);
    const keys = (await attacker.keys(`${PREFIX}:*`)).toSorted();
    const entries = await attacker.mgetBuffer(keys);
    const before = await rejected();
    let planted = 0;
    for (let distance = 1; distance < keys.length; distance += 1) {
      for (const [index, principal] of PRINCIPALS.entries()) {
        const moved = keys.flatMap((key, at) => [key, entries[(at + distance) % keys.length] ?? '']);
        await attacker.mset(moved);
        planted += keys.length;
        expect(await ask(principal, RESOURCES), `moved by ${distance}`).toEqual(truth[index]);
      }
    }
    // What taskgate writes itself may come after what was planted, now and then.
    expect((await rejected()) - before).toBeGreaterThan(planted / 2);
  });

  test('changes no decision with entries of another prefix, key or version', async () => {
    const asked = { type: 'message', id: 'msg-9' };
    const key = keyOf(asked);
    const good = forge(key, KEY);
    const forgeries: Readonly<Record<string, Buffer>> = {
      'another prefix': forge(key, KEY, toSignedKey('taskgate', key.replace(PREFIX, 'taskgate'))),
      'a prefix of which ours is the beginning': forge(key, KEY, toSignedKey(`${PREFIX}:parent`, key)),
      'no prefix in the signature': forge(key, KEY, key),
      'a key that was rotated out': forge(key, OLD_KEY),
      'a key of its own under an id in force': forge(key, { ...OLD_KEY, id: KEY.id }),
      'a key of its own under no id': forge(key, { ...OLD_KEY, id: '' }),
      'an empty secret': forge(key, { id: KEY.id, secret: '' }),
      'a version before': Buffer.from(good).fill(0, 0, 1),
      'a version to come': Buffer.from(good).fill(2, 0, 1),
      'a longer time to live': Buffer.from(good).fill(0x7f, 5, 13),
      'half a signature': good.subarray(0, -16),
      'an entry inside an entry': Buffer.concat([good, good]),
    };
    for (const [name, bytes] of Object.entries(forgeries)) {
      const before = await rejected();
      await attacker.set(key, bytes);
      expect(await read(asked), name).toBe('NOT_FOUND');
      expect(await rejected(), name).toBeGreaterThan(before);
      // Until what was found has replaced it.
      await expect.poll(async () => (await attacker.getBuffer(key))?.equals(bytes)).toBe(false);
    }
  });

  test('changes no decision with bytes of any length, and none with any other kind of value', async () => {
    const [own, other] = [
      { type: 'message', id: 'msg-1' },
      { type: 'message', id: 'msg-9' },
    ];
    const plants: ((key: string) => Promise<unknown>)[] = [
      ...Array.from({ length: 120 }, (_, length) => async (key: string) => attacker.set(key, randomBytes(length))),
      async (key) => attacker.set(key, Buffer.alloc(MEBIBYTE, 1)),
      async (key) => attacker.set(key, Buffer.alloc(64 * MEBIBYTE, 1)),
      async (key) => attacker.rpush(key, 'a'),
      async (key) => attacker.hset(key, 'a', 'b'),
      async (key) => attacker.sadd(key, 'a'),
      async (key) => attacker.zadd(key, 1, 'a'),
      async (key) => attacker.xadd(key, '*', 'a', 'b'),
      async (key) => attacker.pfadd(key, 'a'),
      async (key) => attacker.setbit(key, 100_000, 1),
    ];
    for (const [index, plant] of plants.entries()) {
      for (const asked of [own, other]) {
        await attacker.del(keyOf(asked));
        await plant(keyOf(asked));
      }
      expect([index, ...(await ask(user('alice'), [own, other]))]).toEqual([
        index,
        'ALLOWED',
        'ALLOWED',
        'NOT_FOUND',
        'NOT_FOUND',
      ]);
    }
  });
});

interface Answer {
  readonly askedAtMs: number;
  readonly decision: string | undefined;
}

/** Puts the entry back before each question, to stay for ever, until well after the time that it was signed for. */
async function replay(entry: Buffer, asked: Asked): Promise<{ readonly early: Answer[]; readonly late: Answer[] }> {
  const expiresAtMs = expiryOf(entry);
  const answers: Answer[] = [];
  while (answers.filter(({ askedAtMs }) => askedAtMs >= expiresAtMs).length < 20) {
    await attacker.set(keyOf(asked), entry);
    answers.push({ askedAtMs: Date.now(), decision: await read(asked) });
  }
  return {
    early: answers.filter(({ askedAtMs }) => askedAtMs < expiresAtMs),
    late: answers.filter(({ askedAtMs }) => askedAtMs >= expiresAtMs),
  };
}

/*
 * A child's edge is kept for as long as it may be, whether or not anybody attacks: a child that was deleted answers by
 * its old parent until then. An attacker who puts the entry back gains nothing beyond the time that it was signed for.
 */
describe('an entry that is put back', { timeout: 60_000 }, () => {
  test('stands for a child that was deleted, or moved, no longer than it was signed for', async () => {
    await execute(
      stores.databaseUrl,
      `INSERT INTO messages (id, task_id) VALUES ('gone', 'task-1'), ('moved', 'task-1')`,
    );
    for (const [id, change] of [
      ['gone', `DELETE FROM messages WHERE id = 'gone'`],
      ['moved', `UPDATE messages SET task_id = 'task-9' WHERE id = 'moved'`],
    ] as const) {
      const asked = { type: 'message', id };
      expect(await read(asked)).toBe('ALLOWED');
      const entry = await entryOf(asked);
      expect(expiryOf(entry) - Date.now()).toBeLessThanOrEqual(FOUND_TTL_MS);
      await execute(stores.databaseUrl, change);
      const { late } = await replay(entry, asked);
      expect(late.map(({ decision }) => decision)).toEqual(late.map(() => 'NOT_FOUND'));
    }
  });

  test('keeps a name for its old task no longer than it was signed for', async () => {
    await execute(stores.databaseUrl, `INSERT INTO tasks (id, name) VALUES ('unregistered', 'taken')`);
    await execute(stores.databaseUrl, `UPDATE tasks SET name = 'a-while' WHERE id = 'task-1'`);
    const asked = { type: 'task', name: 'a-while' };
    expect(await read(asked)).toBe('ALLOWED');
    const entry = await entryOf(asked);
    await execute(stores.databaseUrl, `UPDATE tasks SET name = 'quarterly-report' WHERE id = 'task-1'`);
    await execute(stores.databaseUrl, `UPDATE tasks SET name = 'a-while' WHERE id = 'unregistered'`);
    const { late } = await replay(entry, asked);
    expect(late.map(({ decision }) => decision)).toEqual(late.map(() => 'NOT_FOUND'));
  });

  test('hides a child that was created no longer than it was signed for', async () => {
    const asked = { type: 'message', id: 'to-come' };
    expect(await read(asked)).toBe('NOT_FOUND');
    const entry = await entryOf(asked);
    expect(expiryOf(entry) - Date.now()).toBeLessThanOrEqual(ABSENT_TTL_MS);
    await execute(stores.databaseUrl, `INSERT INTO messages (id, task_id) VALUES ('to-come', 'task-1')`);
    const { late } = await replay(entry, asked);
    expect(late.map(({ decision }) => decision)).toEqual(late.map(() => 'ALLOWED'));
  });

  test('never brings back what was deregistered: neither by a child nor by a name', async () => {
    await execute(
      stores.databaseUrl,
      `INSERT INTO tasks (id, name) VALUES ('task-x', 'name-x'); INSERT INTO messages (id, task_id) VALUES ('msg-x', 'task-x')`,
    );
    const principal = user('alice');
    const resource = { type: 'task', key: { case: 'id' as const, value: 'task-x' } };
    expect(await client.call(registerResource, { principal, resource })).toMatchObject({ kind: 'message' });
    const children = [
      { type: 'message', id: 'msg-x' },
      { type: 'task', name: 'name-x' },
    ];
    expect(await ask(principal, children)).toEqual(Array.from({ length: 4 }, () => 'ALLOWED'));
    const entries = await Promise.all(children.map(async (asked) => entryOf(asked)));
    expect(await client.call(deregisterResource, { principal, resource })).toMatchObject({ kind: 'message' });
    // As long as they are good they are taken for what they say, and what they say is no longer anybody's.
    while (entries.some((entry) => expiryOf(entry) > Date.now())) {
      for (const [index, entry] of entries.entries()) await attacker.set(keyOf(children[index] ?? last()), entry);
      expect(await ask(principal, children)).toEqual(Array.from({ length: 4 }, () => 'NOT_FOUND'));
    }
  });
});
