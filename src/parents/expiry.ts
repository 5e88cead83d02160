import type { Clock, ParentKey, ParentResult } from '../authorize/ports.ts';
import type { CacheableResult } from './parent-entry.ts';

export interface ExpiryOptions {
  /** Milliseconds that a found parent is kept. */
  readonly foundTtlMs: number;
  /** Milliseconds that an absence is kept. */
  readonly absentTtlMs: number;
  /** Milliseconds that a found name is kept: unlike a parent, it can be given to another resource. */
  readonly nameTtlMs: number;
  /** The share, 0 to 1, by which the time of a found parent is shortened at random, so that they don't end together. */
  readonly jitter: number;
}

/** When what was read at `readAtMs` must be read again, in `Clock.nowMs` time. */
export type ExpiryOf = (key: ParentKey, result: CacheableResult, readAtMs: number) => number;

/** An absence counts from the start of its read, so that a slow one does not hide a child any longer. */
export function createExpiry(options: ExpiryOptions, random: () => number): ExpiryOf {
  return (key, result, readAtMs) => {
    if (result.kind === 'absent') return readAtMs + options.absentTtlMs;
    if (key.by === 'name') return readAtMs + options.nameTtlMs;
    return readAtMs + Math.ceil(options.foundTtlMs * (1 - options.jitter * random()));
  };
}

/**
 * Until when, in `Clock.nowMs` time, the layer that gave a result had kept it already. A layer above keeps it no longer:
 * an age does not start again with every layer that a result goes through.
 */
export type KeptUntilMs = WeakMap<ParentResult, number>;

export interface ExpiryDeps {
  readonly clock: Clock;
  readonly expiryOf: ExpiryOf;
  /** The same one for all layers that are stacked. Needed where one that keeps results stands above another. */
  readonly keptUntilMs?: KeptUntilMs;
}
