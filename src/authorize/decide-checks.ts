import type { Consistency } from '../domain/consistency.ts';
import type { Outcome } from '../domain/decision.ts';
import { InternalError, toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { Findings } from './decide.ts';
import { decideOnObject, decideOnTenant } from './decide.ts';
import type { CheckPlan, PlanOptions } from './plan-check.ts';
import { planCheck } from './plan-check.ts';
import type {
  CallContext,
  DecideChecks,
  ParentKey,
  ParentLookup,
  ParentResult,
  RelationshipCheck,
  RelationshipObject,
  RelationshipResult,
  Relationships,
  SentinelPicker,
} from './ports.ts';

export interface DecideDeps {
  readonly parents: ParentLookup;
  readonly relationships: Relationships;
  readonly sentinels: SentinelPicker;
}

export interface DecideOptions extends PlanOptions {
  /** True: a denied operation on what the principal can read is FORBIDDEN instead of NOT_FOUND. Default false. */
  readonly revealReadable: boolean;
}

/** One check on its way: its plan, then the object it is about, then its place among the relationship checks. */
export interface Pending {
  readonly index: number;
  readonly plan: CheckPlan;
  readonly object: RelationshipObject;
}

export function createDecideChecks(deps: DecideDeps, options: DecideOptions): DecideChecks {
  return async (principal, checks, context) => {
    const outcomes: Outcome[] = Array.from({ length: checks.length });
    const plans = planAll(checks, options, outcomes);
    const pending = await resolveObjects(plans, principal, context, deps, outcomes);
    await Promise.all(
      groupByConsistency(pending).map((group) =>
        askRelationships(group, principal, context, deps.relationships, options.revealReadable, outcomes),
      ),
    );
    return outcomes;
  };
}

function planAll(checks: readonly TaskCheck[], options: PlanOptions, outcomes: Outcome[]): Map<number, CheckPlan> {
  const plans = new Map<number, CheckPlan>();
  for (const [index, check] of checks.entries()) {
    try {
      plans.set(index, planCheck(check, options));
    } catch (error) {
      outcomes[index] = { kind: 'failed', error: toTaskgateError(error) };
    }
  }
  return plans;
}

/** Looks up all parents in one go. An absent one becomes a sentinel, so that the same relationship check still runs. */
async function resolveObjects(
  plans: ReadonlyMap<number, CheckPlan>,
  principal: Principal,
  context: CallContext,
  deps: DecideDeps,
  outcomes: Outcome[],
): Promise<Pending[]> {
  const keys: ParentKey[] = [];
  for (const plan of plans.values()) {
    if (plan.kind === 'object' && plan.source.kind === 'lookup') keys.push(plan.source.key);
  }
  const results = keys.length === 0 ? [] : await deps.parents.lookup(keys, context);
  const pending: Pending[] = [];
  let next = 0;
  for (const [index, plan] of plans) {
    if (plan.kind === 'tenant') {
      pending.push({ index, plan, object: { kind: 'tenant', account: principal.account } });
    } else if (plan.source.kind === 'known') {
      pending.push({ index, plan, object: { kind: 'resource', type: plan.objectType, id: plan.source.id } });
    } else {
      const found = toObject(plan.objectType, plan.source.key, results[next++], deps.sentinels);
      if (found.kind === 'failed') outcomes[index] = found;
      else pending.push({ index, plan, object: found });
    }
  }
  return pending;
}

/** What a looked-up key stands for: the object that it names, or the sentinel of what is absent. */
export function toObject(
  objectType: string,
  key: ParentKey,
  result: ParentResult | undefined,
  sentinels: SentinelPicker,
): RelationshipObject | (Outcome & { kind: 'failed' }) {
  switch (result?.kind) {
    case 'found':
      return { kind: 'resource', type: objectType, id: result.id };
    case 'absent':
      return {
        kind: 'sentinel',
        type: objectType,
        index: sentinels.pick(objectType, `${key.type}:${key.by}:${key.value}`),
      };
    case 'failed':
      return result;
    case undefined:
      return { kind: 'failed', error: new InternalError({ cause: 'the parent lookup returned too few results' }) };
    default:
      return result satisfies never;
  }
}

/** Each group becomes one call, so that the checks of one item are read at one revision. */
function groupByConsistency(pending: readonly Pending[]): readonly (readonly Pending[])[] {
  if (pending.length <= 1) return [pending];
  return [...Map.groupBy(pending, ({ plan }) => consistencyKey(plan.consistency)).values()];
}

function consistencyKey(consistency: Consistency): string {
  return consistency.kind === 'at_least_as_fresh' ? `${consistency.kind} ${consistency.token}` : consistency.kind;
}

async function askRelationships(
  group: readonly Pending[],
  principal: Principal,
  context: CallContext,
  relationships: Relationships,
  revealReadable: boolean,
  outcomes: Outcome[],
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const checks: RelationshipCheck[] = [];
  const decisions = group.map((item) => toQuestions(item, principal, revealReadable, checks));
  try {
    const { results, checkedAt } = await relationships.check(checks, first.plan.consistency, context);
    for (const { index, decide } of decisions) outcomes[index] = decide(results, checkedAt);
  } catch (error) {
    for (const { index } of decisions) outcomes[index] = { kind: 'failed', error: toTaskgateError(error) };
  }
}

interface PendingDecision {
  readonly index: number;
  readonly decide: (results: readonly RelationshipResult[], checkedAt: string) => Outcome;
}

/** Adds what one check asks to `checks` and says how to decide once the results are there. */
export function toQuestions(
  { index, plan, object }: Pending,
  principal: Principal,
  revealReadable: boolean,
  checks: RelationshipCheck[],
): PendingDecision {
  const ask = (on: RelationshipObject, permission: string): number =>
    checks.push({ object: on, permission, principal }) - 1;

  const permission = ask(object, plan.permission);
  if (plan.kind === 'tenant') {
    return { index, decide: (results, checkedAt) => decideOnTenant(resultAt(results, permission), checkedAt) };
  }
  const { readPermission, createPermission } = plan;
  const read = revealReadable && readPermission !== undefined ? ask(object, readPermission) : undefined;
  const create =
    createPermission === undefined ? undefined : ask({ kind: 'tenant', account: principal.account }, createPermission);
  const present: Findings['object'] =
    object.kind === 'resource' ? { kind: 'present', type: object.type, id: object.id } : { kind: 'absent' };
  return {
    index,
    decide: (results, checkedAt) =>
      decideOnObject({
        checkedAt,
        permission: resultAt(results, permission),
        object: present,
        read: read === undefined ? undefined : resultAt(results, read),
        create: create === undefined ? undefined : resultAt(results, create),
      }),
  };
}

function resultAt(results: readonly RelationshipResult[], index: number): RelationshipResult {
  return results[index] ?? { kind: 'failed', error: new InternalError({ cause: 'too few relationship results' }) };
}
