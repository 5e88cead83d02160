import { LRUCache } from 'lru-cache';
import type { Clock } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import type { OwnFloor, OwnWrite } from './own-writes.ts';
import { createOwnWrites } from './own-writes.ts';

/** An object as SpiceDB names it. */
export interface ObjectName {
  readonly type: string;
  readonly id: string;
}

/** Told what happens to the relationships, in the order of their revisions. */
export interface ChangeListener {
  /** From here on every change is told. `token` is a revision at which everything before it can be read. */
  followed(start: { readonly token: string; readonly leafTypes: ReadonlySet<string> }): void;
  /**
   * The relationships of these objects have changed; `token` is the revision that they changed at, and `tag` is what the
   * write was marked with, if this may be one of ours.
   */
  changed(objects: readonly ObjectName[], token: string, tag?: string): void;
  /**
   * Before SpiceDB is asked for its latest revision. The result takes the answer: whatever was known before the question
   * can be read there, and so can what was changed before it and has yet to be told.
   */
  asking(): (token: string) => void;
  /** Changes may be missed from here on. */
  lost(): void;
}

/** A moment in the order of changes. Moments are compared, never counted. */
export type Moment = number;

/** What is known of changes: how fresh a check must be, and whether an earlier answer still holds. */
export interface Freshness {
  readonly listener: ChangeListener;
  /** The moment that a check which starts now can vouch for; undefined while changes may be missed. */
  now(): Moment | undefined;
  /** True if nothing that bears on the object has changed since the moment, as far as has been told. */
  holdsSince(object: ObjectName, moment: Moment): boolean;
  /** What checks of these objects must see at least; undefined where any recent snapshot does. */
  floorOf(objects: readonly ObjectName[]): Floor | undefined;
  /** What a list must see at least: no change that is known may be missing from it. */
  floorOfAll(): Floor | undefined;
  /** Before a write of ours is sent that changes these objects. */
  beginWrite(objects: readonly ObjectName[]): OwnWrite;
  /** Objects whose last change is remembered. */
  changedObjects(): number;
}

/** The least consistency that sees what is known to have changed. */
export type Floor = Exclude<Consistency, { kind: 'minimize_latency' }>;

export interface FreshnessOptions {
  /**
   * Milliseconds for which a floor is kept: longer than a snapshot of minimise-latency can be behind. Default 11,000:
   * SpiceDB's 5 s quantisation with 10 %, and CockroachDB's follower delay.
   */
  readonly floorTtlMs?: number;
  /** Changed objects that are remembered one by one; for the others the oldest forgotten change counts. Default 100,000. */
  readonly maxObjects?: number;
}

interface Change {
  readonly moment: Moment;
  /** Undefined: it stands for several, and no token is known that all of them can be read at. */
  readonly token: string | undefined;
  readonly expiresAtMs: number;
}

/** The latest revision that SpiceDB said: all that had happened by the moment of the question can be read there. */
interface Answer extends Change {
  readonly token: string;
  readonly receivedBy: Moment;
}

const NEVER: Answer = { moment: 0, token: '', expiresAtMs: 0, receivedBy: 0 };

/**
 * Remembers the latest change of each object, and of what objects share.
 *
 * Changes are told in the order of their commits, but on Postgres a token is the snapshot that its transaction began with:
 * of two that overlapped, the one that was committed last need not hold the other. So a token is a floor only for what is
 * known to be in it: its own change, what was known before its write was sent, or, if SpiceDB was asked for its latest
 * revision, what was known before that. Whatever else has to be seen together needs the freshest read.
 *
 * An object of a leaf type (one that is no relation's subject, so that no other object's permission can depend on it)
 * has a change of its own; a change of any other bears on everything.
 */
export function createFreshness(
  { clock }: { readonly clock: Clock },
  { floorTtlMs = 11_000, maxObjects = 100_000 }: FreshnessOptions = {},
): Freshness {
  let latest: Moment = 0;
  let isFollowing = false;
  let leafTypes: ReadonlySet<string> = new Set();
  let shared: Change = NEVER;
  /** Where following began: all that was told before can be read there. */
  let begun: Change = NEVER;
  /** The latest change that was forgotten: whatever is not remembered may have changed then. */
  let forgotten: Change = NEVER;
  const changes = new LRUCache<string, Change>({
    max: maxObjects,
    dispose(change, _key, reason) {
      if (reason === 'evict' && change.moment > forgotten.moment) forgotten = after(forgotten, change);
    },
  });
  let answered: Answer = NEVER;
  const lastChangeOf = (key: string): Change => changes.get(key) ?? forgotten;

  let last: Change = NEVER;
  const nextChange = (token: string): Change => {
    latest += 1;
    return { moment: latest, token, expiresAtMs: clock.nowMs() + floorTtlMs };
  };
  const ownWrites = createOwnWrites({ clock, now: () => latest, next: () => (latest += 1) }, { floorTtlMs });
  const isInForce = ({ expiresAtMs }: Change): boolean => expiresAtMs > clock.nowMs();
  /** False: no check can miss it, since it is too long ago, or in what is asked for anyway. */
  const isOpen = (change: Change): boolean =>
    isInForce(change) && change.moment >= begun.moment && !(isInForce(answered) && change.moment <= answered.moment);
  /** The change, standing also for an earlier one that must be seen as well. */
  function after(earlier: Change, change: Change): Change {
    return isOpen(earlier) ? { ...change, token: undefined } : change;
  }
  const toFloor = (told: Change | undefined, own: OwnFloor | undefined): Floor | undefined => {
    const knownBy = Math.max(told?.moment ?? 0, own?.acknowledgedBy ?? 0);
    const isAnswered = isInForce(answered);
    if (isAnswered && knownBy <= answered.moment) return { kind: 'at_least_as_fresh', token: answered.token };
    if (own !== undefined) {
      if (own.kind === 'freshest') return FULLY_CONSISTENT;
      // What was known before the write was sent had been written before it.
      const isLatest = (told?.moment ?? 0) <= own.since && (!isAnswered || answered.receivedBy <= own.since);
      return isLatest ? { kind: 'at_least_as_fresh', token: own.token } : FULLY_CONSISTENT;
    }
    if (told === undefined) return undefined;
    if (told.token === undefined || isAnswered) return FULLY_CONSISTENT;
    return { kind: 'at_least_as_fresh', token: told.token };
  };

  return {
    listener: {
      followed(start) {
        leafTypes = start.leafTypes;
        shared = nextChange(start.token);
        begun = shared;
        last = shared;
        // It was asked for before that.
        answered = NEVER;
        isFollowing = true;
      },
      changed(objects, token, tag) {
        if (tag !== undefined) ownWrites.told(tag);
        const change = nextChange(token);
        last = after(last, change);
        const keys = new Set(objects.filter(({ type }) => leafTypes.has(type)).map(keyOf));
        for (const key of keys) changes.set(key, after(lastChangeOf(key), change));
        if (objects.some(({ type }) => !leafTypes.has(type))) shared = after(shared, change);
      },
      asking() {
        const moment = latest;
        return (token) => {
          latest += 1;
          answered = { moment, token, expiresAtMs: clock.nowMs() + floorTtlMs, receivedBy: latest };
        };
      },
      lost() {
        isFollowing = false;
      },
    },
    now: () => (isFollowing ? latest : undefined),
    holdsSince(object, moment) {
      if (!isFollowing || moment < shared.moment) return false;
      const key = keyOf(object);
      return moment >= lastChangeOf(key).moment && moment >= ownWrites.changedAt(key);
    },
    floorOf(objects) {
      let told = isOpen(shared) ? shared : undefined;
      const keys = objects.map(keyOf);
      for (const key of keys) {
        const change = lastChangeOf(key);
        if (!isOpen(change) || change.moment === told?.moment) continue;
        told = {
          ...(told === undefined || change.moment > told.moment ? change : told),
          ...(told && { token: undefined }),
        };
      }
      return toFloor(told, ownWrites.floorOf(keys));
    },
    changedObjects: () => changes.size,
    floorOfAll: () => toFloor(isOpen(last) ? last : undefined, ownWrites.floorOfAll()),
    beginWrite: (objects) =>
      ownWrites.begin(objects.map(keyOf), { isShared: objects.some(({ type }) => !leafTypes.has(type)) }),
  };
}

/** Injective: a type has no colon. */
function keyOf({ type, id }: ObjectName): string {
  return `${type}:${id}`;
}
