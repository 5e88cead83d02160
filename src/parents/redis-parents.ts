import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ParentKey, ParentLookup, ParentObserver, ParentResult } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { ExpiryDeps } from './expiry.ts';
import { lookupMisses, withoutHoles } from './lookup-misses.ts';
import type { CacheableResult, KeyRing } from './parent-entry.ts';
import { decodeParentEntry, encodeParentEntry, MAX_ENTRY_BYTES } from './parent-entry.ts';
import { toParentKeyText, toRedisKey, toSignedKey } from './parent-key.ts';

/** What is used of an ioredis client, single or cluster. */
export interface RedisCommands {
  /** True if only keys of one slot may be asked for together. */
  readonly isCluster: boolean;
  getBuffer(key: string): Promise<unknown>;
  mgetBuffer(keys: string[]): Promise<unknown>;
  set(key: string, value: Buffer, px: 'PX', ttlMs: number): Promise<unknown>;
  set(key: string, value: Buffer, px: 'PX', ttlMs: number, nx: 'NX'): Promise<unknown>;
}

export interface RedisParentsOptions {
  /** What every key in Redis begins with. */
  readonly keyPrefix: string;
  readonly keyRing: KeyRing;
  /** Milliseconds that reading may take before it is a miss. */
  readonly timeoutMs: number;
  /** Entries that may be on their way to Redis at once; more are not written. Default 10,000. */
  readonly maxPendingWrites?: number;
}

export interface RedisParents extends ParentLookup {
  /** What is kept of a key, for operators: nothing is counted. Never rejects. */
  inspect(key: ParentKey): Promise<InspectedEntry>;
  /** Resolves when no write is on its way. */
  settled(): Promise<void>;
}

/** An entry as it is in Redis. */
export type InspectedEntry =
  | { readonly kind: 'kept'; readonly result: CacheableResult; readonly expiresInMs: number }
  | { readonly kind: 'none' | 'expired' | 'rejected' | 'fault' };

/** Keys that one MGET asks for: few enough that Redis does not keep others waiting for it. */
const KEYS_PER_READ = 500;

const TIMED_OUT = Symbol('timed out');

/**
 * Shares results between replicas. Redis only ever saves time: a read that fails, is late, or gives bytes that we did
 * not sign is a miss, and a write that fails is counted.
 */
export function createRedisParents(
  deps: ExpiryDeps & { readonly next: ParentLookup; readonly redis: RedisCommands; readonly observer: ParentObserver },
  options: RedisParentsOptions,
): RedisParents {
  const { next, redis, clock, expiryOf, keptUntilMs, observer } = deps;
  const { keyPrefix, keyRing, timeoutMs, maxPendingWrites = 10_000 } = options;
  const pendingWrites = new Set<Promise<void>>();
  const deferredWrites = new Set<Promise<void>>();

  async function readAll(texts: readonly string[]): Promise<readonly unknown[]> {
    // A key that is alone shares its round trip with those of other calls. A cluster's client sorts keys by their slots.
    if (redis.isCluster || texts.length === 1) return Promise.all(texts.map(async (text) => redis.getBuffer(text)));
    const reads: Promise<readonly unknown[]>[] = [];
    for (let at = 0; at < texts.length; at += KEYS_PER_READ)
      reads.push(readTogether(texts.slice(at, at + KEYS_PER_READ)));
    return (await Promise.all(reads)).flat();
  }

  async function readTogether(texts: string[]): Promise<readonly unknown[]> {
    const replies: unknown = await redis.mgetBuffer(texts);
    if (!Array.isArray(replies) || replies.length !== texts.length) {
      throw new UnavailableError('redis', { cause: 'Redis did not answer each key' });
    }
    return replies;
  }

  async function read(texts: readonly string[], nowMs: number): Promise<readonly (ParentResult | undefined)[]> {
    try {
      const replies = await withinBudget(readAll(texts), timeoutMs);
      if (replies === TIMED_OUT) {
        throw new UnavailableError('redis', { cause: `Redis did not answer within ${timeoutMs} ms` });
      }
      return replies.map((reply, index) => parse(reply, texts[index] ?? '', nowMs));
    } catch (error) {
      observer.counted('redis', 'fault', texts.length);
      observer.faulted('redis', error);
      return texts.map(() => undefined);
    }
  }

  function parse(reply: unknown, text: string, nowMs: number): ParentResult | undefined {
    if (reply === null) return undefined;
    const entry = Buffer.isBuffer(reply)
      ? decodeParentEntry(reply, toSignedKey(keyPrefix, text), { keyRing, nowMs })
      : undefined;
    if (entry?.kind === 'hit') {
      keptUntilMs?.set(entry.result, entry.expiresAtMs);
      return entry.result;
    }
    if (entry?.reason !== 'expired') observer.counted('redis', 'rejected', 1);
    return undefined;
  }

  function write(key: ParentKey, text: string, result: CacheableResult, readAtMs: number): void {
    const expiresAtMs = expiryOf(key, result, readAtMs);
    const ttlMs = Math.floor(expiresAtMs - clock.nowMs());
    if (ttlMs <= 0 || pendingWrites.size >= maxPendingWrites) return;
    const bytes = encodeParentEntry(toSignedKey(keyPrefix, text), result, { keyRing, expiresAtMs });
    // Whoever reads it would end the connection.
    if (bytes.length > MAX_ENTRY_BYTES) return;
    // NX: an absence that was read before a child was created must not replace what somebody found since.
    const written =
      result.kind === 'found' ? redis.set(text, bytes, 'PX', ttlMs) : redis.set(text, bytes, 'PX', ttlMs, 'NX');
    const pending = written.then(
      () => void pendingWrites.delete(pending),
      (error: unknown) => {
        pendingWrites.delete(pending);
        observer.counted('redis', 'write_fault', 1);
        observer.faulted('redis', error);
      },
    );
    pendingWrites.add(pending);
  }

  function writeAll(
    keys: readonly ParentKey[],
    texts: readonly string[],
    results: readonly (ParentResult | undefined)[],
    indexes: readonly number[],
    readAtMs: number,
  ): void {
    for (const index of indexes) {
      const [key, result] = [keys[index], results[index]];
      if (key === undefined || result === undefined || result.kind === 'failed') continue;
      write(key, texts[index] ?? '', result, readAtMs);
    }
  }

  /** Whoever waits for the results goes on first. */
  function defer(work: () => void): void {
    const deferred = nextTurn()
      .then(work)
      .catch((error: unknown) => observer.faulted('redis', error))
      .finally(() => deferredWrites.delete(deferred));
    deferredWrites.add(deferred);
  }

  return {
    async lookup(keys, context, purpose) {
      const startedAtMs = clock.nowMs();
      const texts = keys.map((key) => toRedisKey(keyPrefix, toParentKeyText(key)));
      const kept = await read(texts, startedAtMs);
      // Since when an entry has been there it does not say.
      const results = kept.map((result) => (purpose === 'denial' && result?.kind === 'found' ? undefined : result));
      const readAtMs = clock.nowMs();
      const misses = await lookupMisses(keys, results, next, context, purpose);
      if (misses.length < keys.length) observer.counted('redis', 'hit', keys.length - misses.length);
      if (misses.length > 0) {
        observer.counted('redis', 'miss', misses.length);
        defer(() => writeAll(keys, texts, results, misses, readAtMs));
      }
      return withoutHoles(results);
    },
    async inspect(key) {
      const text = toRedisKey(keyPrefix, toParentKeyText(key));
      const reply = await withinBudget(redis.getBuffer(text), timeoutMs).catch(() => TIMED_OUT);
      if (reply === TIMED_OUT) return { kind: 'fault' };
      if (reply === null) return { kind: 'none' };
      if (!Buffer.isBuffer(reply)) return { kind: 'rejected' };
      const nowMs = clock.nowMs();
      const entry = decodeParentEntry(reply, toSignedKey(keyPrefix, text), { keyRing, nowMs });
      if (entry.kind !== 'hit') return { kind: entry.reason === 'expired' ? 'expired' : 'rejected' };
      return { kind: 'kept', result: entry.result, expiresInMs: Math.round(entry.expiresAtMs - nowMs) };
    },
    async settled() {
      while (deferredWrites.size + pendingWrites.size > 0) await Promise.all([...deferredWrites, ...pendingWrites]);
    },
  };
}

async function withinBudget<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof TIMED_OUT> {
  const { promise: late, resolve } = Promise.withResolvers<typeof TIMED_OUT>();
  const timer = setTimeout(() => resolve(TIMED_OUT), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
