import type { Outcome } from '../domain/decision.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { Pending } from './pending.ts';
import { isLookedUp } from './pending.ts';
import type { CallContext, ParentLookup } from './ports.ts';

/** True of the one answer that denied and absent have in common. */
export function isHidden(outcome: Outcome | undefined): boolean {
  return outcome?.kind === 'decided' && outcome.decision.kind === 'NOT_FOUND';
}

/**
 * Looks up again, for the denial, what is hidden: what led to a denied object may have been found long ago, or by somebody
 * else, and nothing is known as long of what is absent. Where both are just known, nobody is asked.
 */
export async function confirmHidden(
  pending: readonly Pending[],
  context: CallContext,
  { parents }: { readonly parents: ParentLookup },
  outcomes: Outcome[],
): Promise<void> {
  const hidden = pending.filter(({ index, askedAs }) => askedAs !== undefined && isHidden(outcomes[index]));
  if (hidden.length === 0) return;
  const keys = hidden.flatMap(({ plan }) => (isLookedUp(plan) ? [plan.source.key] : []));
  const results = await parents.lookup(keys, context, 'denial');
  hidden.forEach(({ index, object }, position) => {
    const [result, outcome] = [results[position], outcomes[index]];
    if (result?.kind === 'failed') outcomes[index] = result;
    // It leads elsewhere by now: nothing is known of that yet.
    else if (result?.kind === 'found' && object.kind === 'resource' && result.id !== object.id) {
      outcomes[index] = { kind: 'failed', error: new UnavailableError('database') };
    } else if (result?.source !== undefined && outcome?.kind === 'decided' && outcome.evidence !== undefined) {
      // What is hidden rests on the later lookup.
      outcomes[index] = { ...outcome, evidence: { ...outcome.evidence, parent: result.source } };
    }
  });
}
