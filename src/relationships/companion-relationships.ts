import type { RelationshipCheck, Relationships, SentinelPicker } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import { isAlike } from './check-key.ts';

/**
 * Asks, beside whatever may be hidden and is not held, the same of a sentinel, whose answer is thrown away.
 *
 * SpiceDB ends an intersection, such as `(viewer + editor + owner) & tenant->member`, as soon as one side of it is empty
 * for all objects that are asked together. Of an object without relationships both sides are, and the first to come ends
 * it; of a denied one only the roles are. With a sentinel among them, which has a tenant, it is the roles for both. And a
 * sentinel that stands in for what is absent, which was asked about before, makes a new question only in a new company.
 */
export function createCompanionRelationships({
  inner,
  sentinels,
}: {
  readonly inner: Relationships;
  readonly sentinels: Pick<SentinelPicker, 'companion'>;
}): Relationships {
  return {
    async check(checks, consistency, context) {
      const companions = toCompanions(checks, sentinels);
      if (companions.length === 0) return inner.check(checks, consistency, context);
      const { results, checkedAt } = await inner.check([...checks, ...companions], consistency, context);
      const [only, ...others] = results.slice(0, checks.length);
      if (only === undefined) throw new UnavailableError('spicedb');
      // Of a check that was alone nothing else was told, whatever became of its companion.
      if (checks.length === 1 && only.kind === 'failed') throw only.error;
      return { results: [only, ...others], checkedAt };
    },
  };
}

/** One for all neighbours that are asked the same of the same type. */
function toCompanions(
  checks: readonly RelationshipCheck[],
  sentinels: Pick<SentinelPicker, 'companion'>,
): readonly RelationshipCheck[] {
  const companions: RelationshipCheck[] = [];
  let last: RelationshipCheck | undefined;
  for (const check of checks) {
    const { object, permission, principal, isHeld = false } = check;
    if (isHeld || object.kind === 'tenant' || (object.kind === 'sentinel' && check.askedAs === undefined)) continue;
    if (last !== undefined && isAlike(check, last)) continue;
    last = check;
    companions.push({
      object: { kind: 'sentinel', type: object.type, index: sentinels.companion() },
      permission,
      principal,
    });
  }
  return companions;
}
