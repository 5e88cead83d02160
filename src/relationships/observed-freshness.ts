import type { Clock } from '../authorize/ports.ts';
import type { ChangeFigures, RelationshipObserver } from '../authorize/ports-observers.ts';
import type { Freshness } from './freshness.ts';

/** Own writes whose word from Watch is waited for; more are not measured. */
const MAX_WAITING = 10_000;

export interface ObservedFreshness {
  readonly freshness: Freshness;
  readonly figures: () => Pick<ChangeFigures, 'isFollowing' | 'silentForMs'>;
}

/** Measures how far Watch is behind: how long ago it last spoke, and how long it takes to tell of what we wrote ourselves. */
export function createObservedFreshness({
  inner,
  observer,
  clock,
}: {
  readonly inner: Freshness;
  readonly observer: RelationshipObserver;
  readonly clock: Clock;
}): ObservedFreshness {
  const { listener } = inner;
  /** Tag → when it was acknowledged, oldest first. */
  const acknowledgedAtMs = new Map<string, number>();
  let heardAtMs = clock.nowMs();
  let isFollowing = false;
  const heard = (): void => {
    heardAtMs = clock.nowMs();
  };
  const freshness: Freshness = {
    ...inner,
    listener: {
      followed(start) {
        heard();
        isFollowing = true;
        observer.followed('followed');
        listener.followed(start);
      },
      changed(objects, token, tag) {
        heard();
        observer.changed();
        const sinceMs = tag === undefined ? undefined : acknowledgedAtMs.get(tag);
        if (tag !== undefined && sinceMs !== undefined) {
          acknowledgedAtMs.delete(tag);
          observer.ownWriteTold(heardAtMs - sinceMs);
        }
        listener.changed(objects, token, tag);
      },
      asking() {
        const answered = listener.asking();
        return (token) => {
          heard();
          answered(token);
        };
      },
      lost() {
        // What Watch tells after a gap is not measured: it starts anew from there.
        acknowledgedAtMs.clear();
        if (isFollowing) observer.followed('lost');
        isFollowing = false;
        listener.lost();
      },
    },
    beginWrite(objects) {
      const write = inner.beginWrite(objects);
      return {
        tag: write.tag,
        written(token) {
          // Told of before its acknowledgement: that is no lag, and it is forgotten when following begins anew.
          if (isFollowing && acknowledgedAtMs.size < MAX_WAITING) acknowledgedAtMs.set(write.tag, clock.nowMs());
          write.written(token);
        },
        failed: () => write.failed(),
      };
    },
  };
  return { freshness, figures: () => ({ isFollowing, silentForMs: clock.nowMs() - heardAtMs }) };
}
