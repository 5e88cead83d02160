import type { Outcome } from '../domain/decision.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecideDeps, DecideOptions } from './decide-checks.ts';
import { addQuestions, decide, resultAt, toObject } from './decide-checks.ts';
import { isHidden } from './hidden.ts';
import { isLookedUp, toAskedAs } from './pending.ts';
import type { CheckPlan } from './plan-check.ts';
import { planCheck } from './plan-check.ts';
import type { RelationshipCheck, RelationshipObject, RelationshipResult } from './ports.ts';

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
    const object = objectOf(plan, principal, deps);
    if (object === undefined) return undefined;
    const checks: RelationshipCheck[] = [];
    const pending = { index: 0, plan, object, askedAs: askedAsOf(plan) };
    addQuestions(checks, pending, principal, options.revealReadable);
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

function askedAsOf(plan: CheckPlan): string | undefined {
  return isLookedUp(plan) ? toAskedAs(plan.source.key) : undefined;
}

function objectOf(plan: CheckPlan, principal: Principal, { parents }: DecideDeps): RelationshipObject | undefined {
  if (plan.kind === 'tenant') return { kind: 'tenant', account: principal.account };
  const { source, objectType } = plan;
  if (source.kind === 'known') return { kind: 'resource', type: objectType, id: source.id };
  const result = parents.peek?.(source.key);
  if (result === undefined) return undefined;
  const found = toObject(objectType, result, ANY_SENTINEL);
  return found.kind === 'failed' ? undefined : found;
}
