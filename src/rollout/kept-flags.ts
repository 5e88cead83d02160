import { LRUCache } from 'lru-cache';
import type { Clock } from '../authorize/ports.ts';
import { copyText } from '../domain/copy-text.ts';
import type { Principal } from '../domain/principal.ts';
import { FlagError } from './flag-error.ts';
import type { FlagHealth } from './flag-health.ts';
import { toKeptKey } from './flag-keys.ts';

/** Evaluates a flag for an account. @throws FlagError, or whatever a provider throws. */
export type EvaluateFlag<Value> = (flag: string, type: string, principal: Principal) => Promise<Value>;

export interface KeptFlagsOptions<Value> {
  /** The answer where a flag can't be told. */
  readonly fallback: Value;
  /** Milliseconds that an evaluation is waited for. */
  readonly timeoutMs: number;
  /** Milliseconds after which an answer that is still asked for is evaluated anew, while it is answered. */
  readonly refreshMs: number;
  /** Milliseconds for which an answer holds while it can't be evaluated anew. */
  readonly keepMs: number;
  /** Answers that are kept; the one that was used longest ago goes first. Default 10,000. */
  readonly maxEntries?: number;
  /** Evaluations that have not come back, hung ones included; one more is a fault at once. Default 1,000. */
  readonly maxUnderWay?: number;
}

export interface KeptFlags<Value> {
  /** At once if it is kept. A promise never rejects, and is bounded in time. */
  get(flag: string, type: string, principal: Principal): Value | Promise<Value>;
  /** The flags have changed: each is evaluated anew when it is next asked for. */
  outdate(): void;
}

interface Entry<Value> {
  readonly value: Value;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

/** Keeps what flags were for each account, so that a check waits for its first evaluation alone. */
export function createKeptFlags<Value>(
  {
    evaluate,
    clock,
    health,
  }: { readonly evaluate: EvaluateFlag<Value>; readonly clock: Clock; readonly health: FlagHealth },
  { fallback, timeoutMs, refreshMs, keepMs, maxEntries = 10_000, maxUnderWay = 1_000 }: KeptFlagsOptions<Value>,
): KeptFlags<Value> {
  const entries = new LRUCache<string, Entry<Value> & object>({ max: maxEntries });
  const flights = new Map<string, Promise<Value>>();
  let underWay = 0;
  let outdatedAtMs = -Infinity;

  const keep = (key: string, value: Value, expiresAtMs?: number): void => {
    const nowMs = clock.nowMs();
    entries.set(copyText(key), {
      value,
      refreshAtMs: nowMs + refreshMs,
      expiresAtMs: expiresAtMs ?? nowMs + keepMs,
    });
  };
  const ask = async (key: string, flag: string, type: string, principal: Principal): Promise<Value> => {
    if (underWay >= maxUnderWay) throw new FlagError('overloaded');
    underWay += 1;
    try {
      const value = await evaluate(flag, type, principal);
      // One that comes late is the truth as well.
      keep(key, value);
      health.told(flag);
      return value;
    } finally {
      underWay -= 1;
    }
  };
  const load = async (key: string, flag: string, type: string, principal: Principal): Promise<Value> => {
    try {
      return await withTimeout(ask(key, flag, type, principal), timeoutMs);
    } catch (error) {
      health.faulted(flag, error instanceof FlagError ? error.fault : 'failed', error);
      const entry = entries.get(key);
      const isGood = entry !== undefined && entry.expiresAtMs > clock.nowMs();
      const value = isGood ? entry.value : fallback;
      keep(key, value, isGood ? entry.expiresAtMs : undefined);
      return value;
    } finally {
      flights.delete(key);
    }
  };
  const share = async (key: string, flag: string, type: string, principal: Principal): Promise<Value> => {
    const flight = flights.get(key) ?? load(key, flag, type, principal);
    flights.set(key, flight);
    return flight;
  };

  return {
    get(flag, type, principal) {
      const key = toKeptKey(flag, principal);
      const entry = entries.get(key);
      const nowMs = clock.nowMs();
      if (entry === undefined || entry.expiresAtMs <= nowMs) return share(key, flag, type, principal);
      const isOld = entry.refreshAtMs <= nowMs || entry.refreshAtMs - refreshMs <= outdatedAtMs;
      if (isOld && !flights.has(key)) void share(key, flag, type, principal);
      return entry.value;
    },
    outdate() {
      outdatedAtMs = clock.nowMs();
    },
  };
}

async function withTimeout<Value>(work: Promise<Value>, timeoutMs: number): Promise<Value> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new FlagError('timeout')), timeoutMs);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
