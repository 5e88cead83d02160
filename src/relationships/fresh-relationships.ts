import { LRUCache } from 'lru-cache';
import type { CheckedRelationships, Relationships } from '../authorize/ports.ts';
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
}: {
  readonly inner: Relationships;
  readonly freshness: Freshness;
}): Relationships {
  const knownTokens = new LRUCache<string, true>({ max: MAX_KNOWN_TOKENS });

  return {
    async check(checks, consistency, context) {
      if (consistency.kind === 'fully_consistent') return inner.check(checks, consistency, context);
      // Where nothing has changed there is no need to name the objects.
      const isQuiet = freshness.floorOfAll() === undefined;
      const floor = isQuiet ? undefined : freshness.floorOf(checks.map(({ object }) => toObjectName(object)));
      if (floor === undefined) return inner.check(checks, consistency, context);
      if (consistency.kind === 'minimize_latency') return inner.check(checks, floor, context);
      const { token } = consistency;
      if (floor.kind === 'at_least_as_fresh' && floor.token === token) return inner.check(checks, floor, context);
      const verify = async (): Promise<CheckedRelationships | undefined> =>
        knownTokens.has(token) ? undefined : inner.check(checks.slice(0, 1), consistency, context);
      const [answer] = await Promise.all([inner.check(checks, FULLY_CONSISTENT, context), verify()]);
      knownTokens.set(token, true);
      return answer;
    },
  };
}
