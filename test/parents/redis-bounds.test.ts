import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import type { ParentResult } from '../../src/authorize/ports.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createExpiry } from '../../src/parents/expiry.ts';
import type { KeyRing } from '../../src/parents/parent-entry.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import type { RedisCommands } from '../../src/parents/redis-parents.ts';
import { createRedisParents } from '../../src/parents/redis-parents.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { ABSENT, createSource, EXPIRY, found, KEY_RING, messageKey } from './fixtures.ts';

const BUDGET_MS = 50;
const SLACK_MS = 500;
const url = inject('redisUrl');

const NO_READS = {
  isCluster: false,
  getBuffer: async () => null,
  mgetBuffer: async (keys: readonly string[]) => keys.map(() => null),
};

let admin: Redis;
beforeAll(async () => {
  admin = new Redis(url);
  await admin.ping();
});
afterAll(() => admin.disconnect());

interface ReplicaOptions {
  readonly redis: RedisCommands;
  readonly keyPrefix?: string;
  readonly keyRing?: KeyRing;
  readonly maxPendingWrites?: number;
  readonly answer?: () => ParentResult;
}

function createReplica({ redis, keyPrefix = randomUUID(), keyRing = KEY_RING, ...options }: ReplicaOptions) {
  const { maxPendingWrites, answer = () => found('task-1') } = options;
  const counts: Record<string, number> = {};
  const source = createSource(answer);
  const parents = createRedisParents(
    {
      next: source,
      redis,
      clock: SYSTEM_CLOCK,
      expiryOf: createExpiry(EXPIRY, () => 0),
      observer: {
        counted: (_, outcome, count) => {
          counts[outcome] = (counts[outcome] ?? 0) + count;
        },
        faulted: () => undefined,
      },
    },
    { keyPrefix, keyRing, timeoutMs: BUDGET_MS, ...(maxPendingWrites === undefined ? {} : { maxPendingWrites }) },
  );
  const lookup = async (...values: readonly string[]) => parents.lookup(values.map(messageKey), callContext());
  const entryOf = (value: string): string => `${keyPrefix}:parent:${toParentKeyText(messageKey(value))}`;
  return { lookup, settled: async () => parents.settled(), source, counts, entryOf, keyPrefix };
}

describe('an entry of somebody else', () => {
  test('is not believed when it was moved here from another deployment’s prefix', async () => {
    const theirs = createReplica({ redis: admin, answer: () => found('task-of-theirs') });
    const ours = createReplica({ redis: admin });
    await theirs.lookup('m');
    await theirs.settled();
    await admin.copy(theirs.entryOf('m'), ours.entryOf('m'));
    expect(await ours.lookup('m')).toEqual([found('task-1')]);
    expect(ours.counts).toEqual({ rejected: 1, miss: 1 });
  });

  test('is not believed when it was signed with another secret, and is replaced', async () => {
    const keyRing: KeyRing = [{ id: KEY_RING[0].id, secret: 'what somebody else made up, 32 c' }];
    const theirs = createReplica({ redis: admin, keyRing, answer: () => found('task-of-theirs') });
    const ours = createReplica({ redis: admin, keyPrefix: theirs.keyPrefix });
    await theirs.lookup('m');
    await theirs.settled();
    expect(await ours.lookup('m')).toEqual([found('task-1')]);
    await ours.settled();
    expect(await ours.lookup('m')).toEqual([found('task-1')]);
    expect(ours.counts).toEqual({ rejected: 1, miss: 1, hit: 1 });
  });
});

test('a child that is found replaces the absence that another replica kept', async () => {
  const early = createReplica({ redis: admin, answer: () => ABSENT });
  await early.lookup('m');
  await early.settled();
  const bytes = await admin.getBuffer(early.entryOf('m'));
  // The finder was asked before the absence was there: its read is a miss.
  const blind: RedisCommands = { ...NO_READS, set: admin.set.bind(admin) as RedisCommands['set'] };
  const finder = createReplica({ redis: blind, keyPrefix: early.keyPrefix });
  await finder.lookup('m');
  await finder.settled();
  expect(await admin.getBuffer(early.entryOf('m'))).not.toEqual(bytes);
  expect(await early.lookup('m')).toEqual([found('task-1')]);
});

test('a fault is written nowhere', async () => {
  const failing = createReplica({
    redis: admin,
    answer: () => ({ kind: 'failed', error: new UnavailableError('database') }),
  });
  expect(await failing.lookup('m')).toMatchObject([{ kind: 'failed' }]);
  await failing.settled();
  expect(await admin.exists(failing.entryOf('m'))).toBe(0);
});

describe('writes', () => {
  test('are bounded: what is too much is not kept, and nobody waits', async () => {
    const gate = Promise.withResolvers<unknown>();
    const set = vi.fn<() => Promise<unknown>>(async () => gate.promise);
    const replica = createReplica({ redis: { ...NO_READS, set }, maxPendingWrites: 2 });
    expect(await replica.lookup('a', 'b', 'c', 'd')).toHaveLength(4);
    await expect.poll(() => set.mock.calls.length).toBeGreaterThan(0);
    expect(set).toHaveBeenCalledTimes(2);
    gate.resolve('OK');
    await replica.settled();
    await replica.lookup('e');
    await replica.settled();
    expect(set).toHaveBeenCalledTimes(3);
  });

  test('that Redis refuses are counted one by one, and the results are unchanged', async () => {
    const username = `reader-${randomUUID()}`;
    await admin.call('ACL', 'SETUSER', username, 'on', '>secret', '~*', '+get', '+mget', '+info', '+client', '+hello');
    const redis = createRedisClient(
      { mode: 'single', url, tls: false, timeoutMs: 1_000, username, password: 'secret' },
      () => undefined,
    );
    try {
      await once(redis, 'ready');
      const replica = createReplica({ redis });
      expect(await replica.lookup('a', 'b', 'c')).toEqual([found('task-1'), found('task-1'), found('task-1')]);
      await replica.settled();
      expect(replica.counts).toEqual({ miss: 3, write_fault: 3 });
    } finally {
      redis.disconnect();
      await admin.call('ACL', 'DELUSER', username);
    }
  });
});

test.each([
  { name: 'too few', replies: [null] },
  { name: 'too many', replies: [null, null, null] },
  { name: 'something else', replies: 'OK' },
])('a client that answers $name to two keys is a fault, and changes nothing', async ({ replies }) => {
  const replica = createReplica({ redis: { ...NO_READS, mgetBuffer: async () => replies, set: async () => 'OK' } });
  expect(await replica.lookup('a', 'b')).toEqual([found('task-1'), found('task-1')]);
  expect(replica.counts).toEqual({ fault: 2, miss: 2 });
});

test('many keys are read in few commands, and each gets its own result', async () => {
  const values = Array.from({ length: 1_234 }, (_, index) => `m-${index}`);
  const writer = createReplica({ redis: admin });
  await writer.lookup(...values.filter((_, index) => index % 3 !== 0));
  await writer.settled();
  const mgetBuffer = vi.fn<RedisCommands['mgetBuffer']>(async (keys) => admin.mgetBuffer(keys));
  const reader = createReplica({
    redis: { ...NO_READS, mgetBuffer, set: async () => 'OK' },
    keyPrefix: writer.keyPrefix,
    answer: () => ABSENT,
  });
  const expected = values.map((_, index) => (index % 3 === 0 ? ABSENT : found('task-1')));
  expect(await reader.lookup(...values)).toEqual(expected);
  expect(mgetBuffer.mock.calls.length).toBeLessThan(10);
});

test('a client that never answers, whatever its own bounds are, costs the budget and no more', async () => {
  const never = async (): Promise<never> => Promise.withResolvers<never>().promise;
  const replica = createReplica({ redis: { ...NO_READS, mgetBuffer: never, set: async () => 'OK' } });
  const startedAt = performance.now();
  expect(await replica.lookup('a', 'b')).toEqual([found('task-1'), found('task-1')]);
  expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS + SLACK_MS);
  expect(replica.counts).toEqual({ fault: 2, miss: 2 });
});

test('a client that is not connected fails a command at once: it holds nothing back', async () => {
  const redis = createRedisClient(
    { mode: 'single', url: 'redis://127.0.0.1:1', tls: false, timeoutMs: 60_000 },
    () => undefined,
  );
  try {
    const startedAt = performance.now();
    await expect(redis.getBuffer('key')).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(SLACK_MS);
  } finally {
    redis.disconnect();
  }
});

test('a Redis that hangs while it is used costs its budget and no more, and serves again when it heals', async () => {
  const { hostname: host, port } = new URL(url);
  await using proxy = await startFaultProxy({ host, port: Number(port) });
  const redis = createRedisClient(
    { mode: 'single', url: `redis://${proxy.address}`, tls: false, timeoutMs: BUDGET_MS },
    () => undefined,
  );
  try {
    await once(redis, 'ready');
    const replica = createReplica({ redis });
    const values = Array.from({ length: 100 }, (_, index) => `m-${index}`);
    const expected = values.map(() => found('task-1'));
    expect(await replica.lookup(...values)).toEqual(expected);
    await replica.settled();
    for (const mode of ['hang', 'reset', 'refuse'] as const) {
      await proxy.setMode(mode);
      const startedAt = performance.now();
      expect(await replica.lookup(...values)).toEqual(expected);
      expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS + SLACK_MS);
      await replica.settled();
    }
    expect(replica.counts['fault']).toBe(300);
    await proxy.setMode('ok');
    const asked = (): number => replica.source.asked.length;
    await vi.waitFor(async () => {
      const before = asked();
      expect(await replica.lookup(...values)).toEqual(expected);
      await replica.settled();
      expect(asked()).toBe(before);
    }, 10_000);
  } finally {
    redis.disconnect();
  }
});
