import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { ParentLayer, ParentOutcome, ParentResult } from '../../src/authorize/ports.ts';
import { createExpiry } from '../../src/parents/expiry.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import { createRedisParents } from '../../src/parents/redis-parents.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { ABSENT, createSource, EXPIRY, found, KEY_RING, messageKey } from './fixtures.ts';

const BUDGET_MS = 25;
const PREFIX = 'test-redis-parents';
const redisKey = (value: string): string => `${PREFIX}:parent:${toParentKeyText(messageKey(value))}`;

let admin: Redis;
beforeAll(async () => {
  admin = new Redis(inject('redisUrl'));
  await admin.ping();
});
afterAll(() => admin.disconnect());
beforeEach(async () => {
  const keys = await admin.keys(`${PREFIX}*`);
  if (keys.length > 0) await admin.del(...keys);
});

/** Redis over a source, with a client of its own; counted by `layer outcome`. */
async function setUp(url: string, answer: () => ParentResult | Promise<ParentResult> = () => found('task-1')) {
  const client = createRedisClient({ mode: 'single', url, tls: false, timeoutMs: BUDGET_MS }, () => undefined);
  if (url === inject('redisUrl')) await once(client, 'ready');
  const counts = new Map<string, number>();
  const source = createSource(answer);
  const parents = createRedisParents(
    {
      next: source,
      redis: client,
      clock: SYSTEM_CLOCK,
      expiryOf: createExpiry(EXPIRY, () => 0),
      observer: {
        counted: (layer: ParentLayer, outcome: ParentOutcome, count) =>
          void counts.set(`${layer} ${outcome}`, (counts.get(`${layer} ${outcome}`) ?? 0) + count),
        faulted: () => undefined,
      },
    },
    { keyPrefix: PREFIX, keyRing: KEY_RING, timeoutMs: BUDGET_MS },
  );
  const lookup = async (value = 'm'): Promise<ParentResult | undefined> => {
    const [result] = await parents.lookup([messageKey(value)], callContext());
    await parents.settled();
    return result;
  };
  return { lookup, source, counts, parents, [Symbol.asyncDispose]: async () => client.disconnect() };
}

describe('Redis', () => {
  test('warms a replica that has not asked the source', async () => {
    await using first = await setUp(inject('redisUrl'));
    await using second = await setUp(inject('redisUrl'), () => ABSENT);
    await first.lookup();
    expect(await second.lookup()).toEqual(found('task-1'));
    expect(second.source.asked).toHaveLength(0);
  });

  test('keeps each result no longer than its time', async () => {
    await using replica = await setUp(inject('redisUrl'));
    await using other = await setUp(inject('redisUrl'), () => ABSENT);
    await replica.lookup('found');
    await other.lookup('absent');
    for (const [value, mostMs] of [
      ['found', EXPIRY.foundTtlMs],
      ['absent', EXPIRY.absentTtlMs],
    ] as const) {
      const ttlMs = await admin.pttl(redisKey(value));
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(mostMs);
    }
  });

  test('never lets an absence replace what somebody found', async () => {
    await using finder = await setUp(inject('redisUrl'));
    const slow = Promise.withResolvers<ParentResult>();
    await using late = await setUp(inject('redisUrl'), async () => slow.promise);
    const absence = late.lookup();
    await expect.poll(() => late.source.asked.length).toBe(1);
    await finder.lookup();
    slow.resolve(ABSENT);
    expect(await absence).toEqual(ABSENT);
    await using third = await setUp(inject('redisUrl'), () => ABSENT);
    expect(await third.lookup()).toEqual(found('task-1'));
  });

  test.each<[string, (key: string) => Promise<unknown>]>([
    ['garbage', async (key) => admin.set(key, 'garbage')],
    ['nothing', async (key) => admin.set(key, '')],
    ['a list', async (key) => admin.rpush(key, 'a', 'b')],
    ['the entry of another key', async (key) => admin.copy(redisKey('other'), key, 'REPLACE')],
    ['an entry with another parent', async (key) => tamper(key)],
  ])('takes %s for a miss, and counts it', async (_, plant) => {
    await using replica = await setUp(inject('redisUrl'));
    await replica.lookup('other');
    await plant(redisKey('m'));
    expect(await replica.lookup()).toEqual(found('task-1'));
    expect(replica.source.asked).toHaveLength(2);
    expect([...replica.counts.keys()].filter((key) => /rejected|fault/.test(key))).not.toEqual([]);
  });

  /** What an attacker would want: the signed entry of a child, pointing to a task of the attacker's. */
  async function tamper(key: string): Promise<void> {
    await using victim = await setUp(inject('redisUrl'));
    await victim.lookup('m');
    const bytes = await admin.getBuffer(key);
    if (bytes === null) throw new Error('no entry');
    await admin.set(key, Buffer.from(bytes.toString('latin1').replace('task-1', 'task-9'), 'latin1'));
  }

  test.each<[string, (socket: Socket) => void]>([
    ['never answers', () => undefined],
    ['answers an array', (socket) => socket.on('data', () => socket.write('*2\r\n$1\r\na\r\n$1\r\nb\r\n'))],
    ['answers what is no RESP', (socket) => socket.on('data', () => socket.write('<html>\r\n'))],
    ['hangs up', (socket) => socket.destroy()],
  ])('costs its budget and changes nothing when it %s', async (_, behave) => {
    const server = createServer(behave).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using replica = await setUp(`redis://127.0.0.1:${portOf(server)}`);
    const startedAt = performance.now();
    expect(await replica.parents.lookup([messageKey('m')], callContext())).toEqual([found('task-1')]);
    expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS * 10);
    expect(replica.counts.get('redis fault')).toBe(1);
    server.close();
  });

  test('costs nothing to speak of when nobody listens', async () => {
    await using replica = await setUp('redis://127.0.0.1:1');
    expect(await replica.lookup()).toEqual(found('task-1'));
    expect(replica.counts.get('redis write_fault')).toBe(1);
  });
});

function portOf(server: Server): number {
  const address = server.address() as AddressInfo;
  return address.port;
}
