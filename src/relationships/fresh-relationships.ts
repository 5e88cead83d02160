import type { Relationships } from '../authorize/ports.ts';
import { strongerConsistency } from '../domain/consistency.ts';
import type { Freshness } from './freshness.ts';
import { toObjectName } from './spicedb-requests.ts';

/** Raises each call to the floors of its objects: after a change has been told, no older snapshot of them is asked. */
export function createFreshRelationships(
  { inner, freshness }: { readonly inner: Relationships; readonly freshness: Freshness },
): Relationships {
  return {
    async check(checks, consistency, context) {
      if (consistency.kind === 'fully_consistent') return inner.check(checks, consistency, context);
      const token = freshness.floorOf(checks.map(({ object }) => toObjectName(object)));
      if (token === undefined) return inner.check(checks, consistency, context);
      return inner.check(checks, strongerConsistency(consistency, { kind: 'at_least_as_fresh', token }), context);
    },
  };
}
