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
  readonly token: string;
  readonly expiresAtMs: number;
}

const NEVER: Change = { moment: 0, token: '', expiresAtMs: 0 };

/**
 * Remembers the latest change of each object, and of what objects share.
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
  /** The latest change that was forgotten: whatever is not remembered may have changed then. */
  let forgotten: Change = NEVER;
  const changes = new LRUCache<string, Change>({
    max: maxObjects,
    dispose(change, _key, reason) {
      if (reason === 'evict' && change.moment > forgotten.moment) forgotten = change;
    },
  });
  /** The latest revision that SpiceDB said, as a change at the moment of the question. */
  let answered: Change = NEVER;
  const lastChangeOf = (key: string): Change => changes.get(key) ?? forgotten;

  let last = NEVER;
  const nextChange = (token: string): Change => {
    latest += 1;
    last = { moment: latest, token, expiresAtMs: clock.nowMs() + floorTtlMs };
    return last;
  };
  const ownWrites = createOwnWrites({ clock, now: () => latest, next: () => (latest += 1) }, { floorTtlMs });
  const isInForce = ({ expiresAtMs }: Change): boolean => expiresAtMs > clock.nowMs();
  const toFloor = (told: Change, own: OwnFloor | undefined): Floor | undefined => {
    const isToldInForce = isInForce(told);
    const knownBy = Math.max(isToldInForce ? told.moment : 0, own?.acknowledgedBy ?? 0);
    if (isInForce(answered) && knownBy <= answered.moment) return { kind: 'at_least_as_fresh', token: answered.token };
    if (own === undefined) return isToldInForce ? { kind: 'at_least_as_fresh', token: told.token } : undefined;
    // What was told before the write was sent had been written before it.
    if (own.kind === 'freshest' || (isToldInForce && told.moment > own.since)) return FULLY_CONSISTENT;
    return { kind: 'at_least_as_fresh', token: own.token };
  };

  return {
    listener: {
      followed(start) {
        leafTypes = start.leafTypes;
        shared = nextChange(start.token);
        isFollowing = true;
      },
      changed(objects, token, tag) {
        if (tag !== undefined) ownWrites.told(tag);
        const change = nextChange(token);
        for (const object of objects) {
          if (leafTypes.has(object.type)) changes.set(keyOf(object), change);
          else shared = change;
        }
      },
      asking() {
        const moment = latest;
        return (token) => {
          answered = { moment, token, expiresAtMs: clock.nowMs() + floorTtlMs };
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
      // Changes are told in order, so the latest floor covers the others.
      let floor = shared;
      const keys = objects.map(keyOf);
      for (const key of keys) {
        const change = lastChangeOf(key);
        if (change.moment > floor.moment) floor = change;
      }
      return toFloor(floor, ownWrites.floorOf(keys));
    },
    floorOfAll: () => toFloor(last, ownWrites.floorOfAll()),
    beginWrite: (objects) =>
      ownWrites.begin(objects.map(keyOf), { isShared: objects.some(({ type }) => !leafTypes.has(type)) }),
  };
}

/** Injective: a type has no colon. */
function keyOf({ type, id }: ObjectName): string {
  return `${type}:${id}`;
}
