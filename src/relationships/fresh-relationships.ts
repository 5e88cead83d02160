import { LRUCache } from 'lru-cache';
import type { CheckedRelationships, RelationshipCheck, Relationships } from '../authorize/ports.ts';
import type { RelationshipObserver } from '../authorize/ports-observers.ts';
import { NO_RELATIONSHIP_OBSERVER } from '../authorize/ports-observers.ts';
import type { Consistency } from '../domain/consistency.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import type { Freshness } from './freshness.ts';
import { toObjectName } from './spicedb-requests.ts';

const MAX_KNOWN_TOKENS = 10_000;

/**
 * Raises each call to the floors of its objects: after a change has been told, no older snapshot of them is asked.
 *
 * Two tokens can't be compared, so a caller's token beside a floor means a fully consistent read. SpiceDB would then
 * never see the caller's token; it is shown it once, so that a forged one is refused at any time alike.
 */
export function createFreshRelationships({
  inner,
  freshness,
  observer = NO_RELATIONSHIP_OBSERVER,
}: {
  readonly inner: Relationships;
  readonly freshness: Freshness;
  readonly observer?: RelationshipObserver;
}): Relationships {
  const knownTokens = new LRUCache<string, true>({ max: MAX_KNOWN_TOKENS });

  return {
    async check(checks, consistency, context) {
      const ask = async (questions: readonly RelationshipCheck[], floored: Consistency) => {
        observer.asked(consistency.kind, floored.kind);
        return inner.check(questions, floored, context);
      };
      if (consistency.kind === 'fully_consistent') return ask(checks, consistency);
      // Where nothing has changed there is no need to name the objects.
      const isQuiet = freshness.floorOfAll() === undefined;
      const floor = isQuiet ? undefined : freshness.floorOf(checks.map(({ object }) => toObjectName(object)));
      if (floor === undefined) return ask(checks, consistency);
      if (consistency.kind === 'minimize_latency') return ask(checks, floor);
      const { token } = consistency;
      if (floor.kind === 'at_least_as_fresh' && floor.token === token) return ask(checks, floor);
      const verify = async (): Promise<CheckedRelationships | undefined> =>
        knownTokens.has(token) ? undefined : ask(checks.slice(0, 1), consistency);
      const [answer] = await Promise.all([ask(checks, FULLY_CONSISTENT), verify()]);
      knownTokens.set(token, true);
      return answer;
    },
  };
}
