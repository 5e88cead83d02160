import type { Breaker, Verdict } from '../resilience/breaker.ts';
import type { RedisCommands } from './redis-parents.ts';

/**
 * Redis behind a breaker: while it is open a read is a miss at once, and nothing is written.
 *
 * A command that does not end in its time is late for good: whatever the client does with it, the breaker waits no longer.
 */
export function createGuardedRedis(
  { redis, breaker }: { readonly redis: RedisCommands; readonly breaker: Breaker },
  { timeoutMs }: { /** Milliseconds that one command may take. */ readonly timeoutMs: number },
): RedisCommands {
  const guard = async (command: () => Promise<unknown>): Promise<unknown> =>
    breaker.run(async () => within(command(), timeoutMs), verdictOf);
  return {
    isCluster: redis.isCluster,
    getBuffer: async (key) => guard(async () => redis.getBuffer(key)),
    mgetBuffer: async (keys) => guard(async () => redis.mgetBuffer(keys)),
    set: async (key: string, value: Buffer, px: 'PX', ttlMs: number, nx?: 'NX') =>
      guard(async () => (nx === undefined ? redis.set(key, value, px, ttlMs) : redis.set(key, value, px, ttlMs, nx))),
  };
}

/** An error that Redis itself gave is an answer: it is full, read-only, or minds the type of one key. */
function verdictOf(thrown: unknown): Verdict {
  return thrown instanceof Error && thrown.name === 'ReplyError' ? 'answered' : 'fault';
}

async function within<Reply>(reply: Promise<Reply>, timeoutMs: number): Promise<Reply> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearTimeout(timer);
  }
}
