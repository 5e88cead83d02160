import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createGuardedRedis } from '../../src/parents/guarded-redis.ts';
import type { RedisCommands } from '../../src/parents/redis-parents.ts';
import { createTestBreaker } from '../support/breaker.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

/** Redis that answers every command alike, behind a breaker, and what it was asked. */
function setUp(answer: () => Promise<unknown>) {
  const asked: unknown[][] = [];
  const command =
    (name: string) =>
    async (...args: unknown[]): Promise<unknown> => {
      asked.push([name, ...args]);
      return answer();
    };
  const redis: RedisCommands = {
    isCluster: false,
    getBuffer: command('get'),
    mgetBuffer: command('mget'),
    set: command('set'),
  };
  const { breaker } = createTestBreaker('redis');
  return { guarded: createGuardedRedis({ redis, breaker }, { timeoutMs: 25 }), asked, breaker };
}

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

test('passes commands and their replies on', async () => {
  const { guarded, asked } = setUp(async () => 'reply');
  const value = Buffer.from('value');
  expect(await guarded.getBuffer('a')).toBe('reply');
  await guarded.mgetBuffer(['a', 'b']);
  await guarded.set('a', value, 'PX', 10);
  await guarded.set('a', value, 'PX', 10, 'NX');
  expect(asked).toEqual([
    ['get', 'a'],
    ['mget', ['a', 'b']],
    ['set', 'a', value, 'PX', 10],
    ['set', 'a', value, 'PX', 10, 'NX'],
  ]);
});

test('asks Redis nothing while it fails', async () => {
  const { guarded, asked } = setUp(async () => Promise.reject(new Error('Connection is closed.')));
  await expect(guarded.getBuffer('a')).rejects.toThrow('Connection is closed.');
  await expect(guarded.mgetBuffer(['a'])).rejects.toThrow('Connection is closed.');
  await expect(guarded.getBuffer('a')).rejects.toThrow(UnavailableError);
  await expect(guarded.set('a', Buffer.of(), 'PX', 1)).rejects.toThrow(UnavailableError);
  expect(asked).toHaveLength(2);
});

test('counts a command that does not end in its time, and waits no longer', async () => {
  const { guarded, breaker } = setUp(async () => new Promise(() => undefined));
  const reads = [guarded.getBuffer('a'), guarded.set('a', Buffer.of(), 'PX', 1)].map(async (command) =>
    command.catch((error: unknown) => error),
  );
  vi.advanceTimersByTime(25);
  for (const outcome of await Promise.all(reads)) expect(outcome).toBeInstanceOf(Error);
  expect(breaker.state).toBe('open');
});

test('does not count what Redis itself refuses', async () => {
  const { guarded, breaker } = setUp(async () => Promise.reject(replyError('READONLY')));
  for (let write = 0; write < 10; write += 1) {
    await expect(guarded.set('a', Buffer.of(), 'PX', 1)).rejects.toThrow('READONLY');
  }
  expect(breaker.state).toBe('closed');
});
