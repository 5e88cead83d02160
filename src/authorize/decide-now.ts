import type { Outcome } from '../domain/decision.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecideDeps, DecideOptions } from './decide-checks.ts';
import { addQuestions, decide, NAMED, resultAt, toFoundIn, toObject } from './decide-checks.ts';
import { isHidden } from './hidden.ts';
import type { Pending } from './pending.ts';
import { isLookedUp, toAskedAs } from './pending.ts';
import type { CheckPlan } from './plan-check.ts';
import { planCheck } from './plan-check.ts';
import type { RelationshipCheck, RelationshipResult } from './ports.ts';

/** What is known of an absent resource is known of what was asked, whatever stood in for it. */
const ANY_SENTINEL = { standIn: () => 0 };

/** Decides one check from what is in memory; undefined if somebody has to be asked. */
export type DecideNow = (principal: Principal, check: TaskCheck) => Outcome | undefined;

/**
 * The way of `createDecideChecks`, for a single check whose every part is known already, in one go: on the way that
 * waits, the promises cost more than the decision.
 */
export function createDecideNow(deps: DecideDeps, options: DecideOptions): DecideNow {
  const { relationships } = deps;
  return (principal, check) => {
    if (relationships.peek === undefined) return undefined;
    let plan: CheckPlan;
    try {
      plan = planCheck(check, options);
    } catch (error) {
      return { kind: 'failed', error: toTaskgateError(error) };
    }
    if (plan.consistency.kind !== 'minimize_latency') return undefined;
    const pending = toPending(plan, principal, deps);
    if (pending === undefined) return undefined;
    const checks: RelationshipCheck[] = [];
    addQuestions(checks, pending, principal, options);
    const results: RelationshipResult[] = [];
    let checkedAt = '';
    for (const question of checks) {
      const known = relationships.peek(question);
      if (known === undefined) return undefined;
      results.push(known.result);
      if (checkedAt === '' || known.result.kind === 'held') ({ checkedAt } = known);
    }
    let next = 0;
    const outcome = decide(pending, () => resultAt(results, next++), checkedAt, options.revealReadable);
    if (!isLookedUp(plan) || !isHidden(outcome)) return outcome;
    return deps.parents.peek?.(plan.source.key, 'denial') === undefined ? undefined : outcome;
  };
}

/** The check with its object, if that is known. */
function toPending(plan: CheckPlan, principal: Principal, { parents }: DecideDeps): Pending | undefined {
  if (plan.kind === 'tenant') {
    return { index: 0, plan, object: { kind: 'tenant', account: principal.account }, ...NAMED };
  }
  const { source, objectType } = plan;
  if (source.kind === 'known') {
    return { index: 0, plan, object: { kind: 'resource', type: objectType, id: source.id }, ...NAMED };
  }
  const result = parents.peek?.(source.key);
  if (result === undefined) return undefined;
  const object = toObject(objectType, result, ANY_SENTINEL);
  if (object.kind === 'failed') return undefined;
  return { index: 0, plan, object, askedAs: toAskedAs(source.key), foundIn: toFoundIn(result) };
}
