import { randomUUID } from 'node:crypto';
import type { Clock } from '../authorize/ports.ts';
import type { Moment } from './freshness.ts';

/** A write of this process, from before it is sent. */
export interface OwnWrite {
  /** Goes with the write, so that Watch's word of it can be told from its word of others. */
  readonly tag: string;
  /** It was acknowledged at this revision (ZedToken). */
  written(token: string): void;
  /** It was refused, or nobody knows: nothing was promised to anyone. */
  failed(): void;
}

/**
 * The floor that own writes ask for. `acknowledgedBy`: all of them had been by this moment. `since`: changes told up to
 * this one are older than the token.
 */
export type OwnFloor = { readonly acknowledgedBy: Moment } & (
  { readonly kind: 'token'; readonly token: string; readonly since: Moment } | { readonly kind: 'freshest' }
);

export interface OwnWrites {
  /** `keys`: the objects that it changes; `shared` for what bears on all objects. */
  begin(keys: readonly string[], options: { readonly isShared: boolean }): OwnWrite;
  /** Watch has told of the write with this tag: from now on its word counts. */
  told(tag: string): void;
  /** When an own write that Watch has not told of may last have changed the object; 0 if there was none. */
  changedAt(key: string): Moment;
  /** What checks of these objects must see of own writes; undefined if there are none that Watch has yet to tell of. */
  floorOf(keys: Iterable<string>): OwnFloor | undefined;
  /** The same for a list, which may hold any object. */
  floorOfAll(): OwnFloor | undefined;
}

interface Entry {
  readonly tag: string;
  readonly keys: readonly string[];
  readonly since: Moment;
  readonly moment: Moment;
  /** Undefined: another write was under way at the same time, and two tokens can't be compared. */
  readonly token: string | undefined;
  readonly expiresAtMs: number;
}

/**
 * Floors for what this process wrote itself, from the acknowledgement until Watch tells of it: whoever was told that a
 * write was made must find it made. Watch tells changes in order, and own writes come between at any time, so the two
 * are kept apart: where both bear on an object and it is not known which is later, only the freshest read will do.
 */
export function createOwnWrites(
  {
    clock,
    now,
    next,
  }: {
    readonly clock: Clock;
    /** The latest moment, and a new one after it. */
    readonly now: () => Moment;
    readonly next: () => Moment;
  },
  { floorTtlMs }: { readonly floorTtlMs: number },
): OwnWrites {
  /** Not acknowledged yet: tag → whether Watch has told of it already. */
  const underWay = new Map<string, boolean>();
  /** By tag, oldest first. */
  const entries = new Map<string, Entry>();
  const byKey = new Map<string, Entry>();
  let shared: Entry | undefined;
  /** The latest one whose time was up before Watch told of it: an answer from before it is still one from before it. */
  let lapsed: Moment = 0;

  const forget = (entry: Entry): void => {
    entries.delete(entry.tag);
    for (const key of entry.keys) if (byKey.get(key) === entry) byKey.delete(key);
    if (shared === entry) shared = undefined;
  };
  const forgetExpired = (): void => {
    const nowMs = clock.nowMs();
    for (const entry of entries.values()) {
      if (entry.expiresAtMs > nowMs) return;
      lapsed = Math.max(lapsed, entry.moment);
      forget(entry);
    }
  };
  const keep = (entry: Entry, isShared: boolean): void => {
    const earlier = [isShared ? shared : undefined, ...entry.keys.map((key) => byKey.get(key))];
    const isMixed = earlier.some(
      (other) => other !== undefined && (other.token === undefined || other.moment > entry.since),
    );
    const kept = isMixed ? { ...entry, token: undefined } : entry;
    entries.set(entry.tag, kept);
    for (const key of entry.keys) byKey.set(key, kept);
    if (isShared) shared = kept;
  };
  const toFloor = (found: ReadonlySet<Entry>): OwnFloor | undefined => {
    const [first, ...others] = found;
    if (first === undefined) return undefined;
    const acknowledgedBy = Math.max(...Array.from(found, ({ moment }) => moment));
    if (others.length > 0 || first.token === undefined) return { kind: 'freshest', acknowledgedBy };
    return { kind: 'token', token: first.token, since: first.since, acknowledgedBy };
  };

  return {
    begin(keys, { isShared }) {
      const tag = randomUUID();
      const since = now();
      underWay.set(tag, false);
      return {
        tag,
        written(token) {
          forgetExpired();
          const isTold = underWay.get(tag) === true;
          underWay.delete(tag);
          if (isTold) return;
          keep({ tag, keys, since, moment: next(), token, expiresAtMs: clock.nowMs() + floorTtlMs }, isShared);
        },
        failed: () => void underWay.delete(tag),
      };
    },
    told(tag) {
      if (underWay.has(tag)) underWay.set(tag, true);
      const entry = entries.get(tag);
      // A mixed one stands for another write too, of which Watch may not have told.
      if (entry?.token !== undefined) forget(entry);
    },
    changedAt(key) {
      if (entries.size === 0) return lapsed;
      return Math.max(lapsed, byKey.get(key)?.moment ?? 0, shared?.moment ?? 0);
    },
    floorOf(keys) {
      forgetExpired();
      if (entries.size === 0) return undefined;
      const found = new Set<Entry>();
      for (const key of keys) {
        const entry = byKey.get(key);
        if (entry !== undefined) found.add(entry);
      }
      if (shared !== undefined) found.add(shared);
      return toFloor(found);
    },
    floorOfAll() {
      forgetExpired();
      return toFloor(new Set(entries.values()));
    },
  };
}
