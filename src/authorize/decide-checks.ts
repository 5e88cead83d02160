import type { Consistency } from '../domain/consistency.ts';
import type { Evidence, Outcome } from '../domain/decision.ts';
import { InternalError, toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { Findings } from './decide.ts';
import { decideOnObject, decideOnTenant } from './decide.ts';
import { confirmHidden } from './hidden.ts';
import type { Pending } from './pending.ts';
import { isLookedUp, toAskedAs } from './pending.ts';
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
  readonly sentinels: Pick<SentinelPicker, 'standIn'>;
}

export interface DecideOptions extends PlanOptions {
  /** True: a denied operation on what the principal can read is FORBIDDEN instead of NOT_FOUND. Default false. */
  readonly revealReadable: boolean;
  /** True: whoever asks holds what is hidden, so that its time says nothing. Default false. */
  readonly isHeld?: boolean;
}

/** What the request names itself was not looked up. */
export const NAMED = { askedAs: undefined, foundIn: 'none' } as const;

const ABSENT: Findings['object'] = { kind: 'absent' };

export function createDecideChecks(deps: DecideDeps, options: DecideOptions): DecideChecks {
  return async (principal, checks, context) => {
    const outcomes: Outcome[] = Array.from({ length: checks.length });
    const plans = planAll(checks, options, outcomes);
    const pending = await resolveObjects(plans, principal, context, deps, outcomes);
    await Promise.all(
      groupByConsistency(pending).map((group) =>
        askRelationships(group, principal, context, deps.relationships, options, outcomes),
      ),
    );
    await confirmHidden(pending, context, deps, outcomes);
    return outcomes;
  };
}

/** The plan of each check; undefined where there is none, which is that check's outcome. */
function planAll(
  checks: readonly TaskCheck[],
  options: PlanOptions,
  outcomes: Outcome[],
): readonly (CheckPlan | undefined)[] {
  return checks.map((check, index) => {
    try {
      return planCheck(check, options);
    } catch (error) {
      outcomes[index] = { kind: 'failed', error: toTaskgateError(error) };
      return undefined;
    }
  });
}

/** Looks up all parents in one go. An absent one becomes a sentinel, so that the same relationship check still runs. */
async function resolveObjects(
  plans: readonly (CheckPlan | undefined)[],
  principal: Principal,
  context: CallContext,
  deps: DecideDeps,
  outcomes: Outcome[],
): Promise<Pending[]> {
  const keys: ParentKey[] = [];
  for (const plan of plans) {
    if (plan !== undefined && isLookedUp(plan)) keys.push(plan.source.key);
  }
  const results = keys.length === 0 ? [] : await deps.parents.lookup(keys, context);
  const pending: Pending[] = [];
  let next = 0;
  plans.forEach((plan, index) => {
    if (plan === undefined) return;
    if (plan.kind === 'tenant') {
      pending.push({ index, plan, object: { kind: 'tenant', account: principal.account }, ...NAMED });
    } else if (plan.source.kind === 'known') {
      const object: RelationshipObject = { kind: 'resource', type: plan.objectType, id: plan.source.id };
      pending.push({ index, plan, object, ...NAMED });
    } else {
      const result = results[next++];
      const found = toObject(plan.objectType, result, deps.sentinels);
      if (found.kind === 'failed') outcomes[index] = found;
      else
        pending.push({ index, plan, object: found, askedAs: toAskedAs(plan.source.key), foundIn: toFoundIn(result) });
    }
  });
  return pending;
}

/** What a looked-up key stands for: the object that it names, or the sentinel of what is absent. */
export function toObject(
  objectType: string,
  result: ParentResult | undefined,
  sentinels: Pick<SentinelPicker, 'standIn'>,
): RelationshipObject | (Outcome & { kind: 'failed' }) {
  switch (result?.kind) {
    case 'found':
      return { kind: 'resource', type: objectType, id: result.id };
    case 'absent':
      return { kind: 'sentinel', type: objectType, index: sentinels.standIn() };
    case 'failed':
      return result;
    case undefined:
      return { kind: 'failed', error: new InternalError({ cause: 'the parent lookup returned too few results' }) };
    default:
      return result satisfies never;
  }
}

/** The layer that a result came from. */
export function toFoundIn(result: ParentResult | undefined): Pending['foundIn'] {
  return (result?.kind === 'failed' ? undefined : result?.source) ?? 'memory';
}

/** Each group becomes one call, so that the checks of one item are read at one revision. */
function groupByConsistency(pending: readonly Pending[]): readonly (readonly Pending[])[] {
  const [first] = pending;
  if (first === undefined) return [];
  const key = consistencyKey(first.plan.consistency);
  if (pending.every(({ plan }) => consistencyKey(plan.consistency) === key)) return [pending];
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
  options: DecideOptions,
  outcomes: Outcome[],
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const checks: RelationshipCheck[] = [];
  for (const item of group) addQuestions(checks, item, principal, options);
  try {
    const { results, checkedAt } = await relationships.check(checks, first.plan.consistency, context);
    let next = 0;
    const take = (): RelationshipResult => resultAt(results, next++);
    for (const item of group) outcomes[item.index] = decide(item, take, checkedAt, options.revealReadable);
  } catch (error) {
    for (const { index } of group) outcomes[index] = { kind: 'failed', error: toTaskgateError(error) };
  }
}

/** What one check asks. `decide` takes the results in the same order. */
export function addQuestions(
  checks: RelationshipCheck[],
  { plan, object, askedAs }: Pending,
  principal: Principal,
  { revealReadable, isHeld = false }: Pick<DecideOptions, 'revealReadable' | 'isHeld'>,
): void {
  checks.push({ object, permission: plan.permission, principal, askedAs, isHeld });
  if (plan.kind === 'tenant') return;
  const { readPermission, createPermission } = plan;
  if (revealReadable && readPermission !== undefined) {
    checks.push({ object, permission: readPermission, principal, askedAs, isHeld });
  }
  if (createPermission !== undefined) {
    checks.push({ object: { kind: 'tenant', account: principal.account }, permission: createPermission, principal });
  }
}

/** Decides one check from what `addQuestions` asked, in its order. */
export function decide(
  { plan, object, foundIn }: Pending,
  take: () => RelationshipResult,
  checkedAt: string,
  revealReadable: boolean,
): Outcome {
  const permission = take();
  if (plan.kind === 'tenant') return decideOnTenant(permission, checkedAt, toEvidence(foundIn, checkedAt, permission));
  const read = revealReadable && plan.readPermission !== undefined ? take() : undefined;
  const create = plan.createPermission === undefined ? undefined : take();
  return decideOnObject({
    checkedAt,
    evidence: toEvidence(foundIn, checkedAt, permission, read, create),
    permission,
    object: object.kind === 'resource' ? { kind: 'present', type: object.type, id: object.id } : ABSENT,
    read,
    create,
  });
}

function toEvidence(
  parent: Evidence['parent'],
  checkedAt: string,
  ...results: readonly (RelationshipResult | undefined)[]
): Evidence {
  const isAsked = results.some((result) => result !== undefined && result.kind !== 'failed' && 'source' in result);
  return { parent, relationships: isAsked ? 'spicedb' : 'cache', checkedAt };
}

/** The result in its place; an answer that is too short is a fault. */
export function resultAt(results: readonly RelationshipResult[], index: number): RelationshipResult {
  return results[index] ?? { kind: 'failed', error: new InternalError({ cause: 'too few relationship results' }) };
}
