import type { Consistency } from '../domain/consistency.ts';
import type { Outcome } from '../domain/decision.ts';
import { NOT_FOUND } from '../domain/decision.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { InternalError, InvalidArgumentError, toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import { outcomeOf, recordOutcome } from './record-outcome.ts';
import type { Tuple, TupleOptions, TuplePlan } from './plan-tuple.ts';
import { planTuple } from './plan-tuple.ts';
import type { AskedBy, CallContext, DecideChecks, DecisionLog, DecisionRecord } from './ports.ts';
import type { Policy, PolicyCheck } from './ports-policy.ts';

/** How many of the evaluations are answered (AuthZEN 1.0, section 7.1.2.1). */
export const EVALUATION_SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;

export type EvaluationSemantic = (typeof EVALUATION_SEMANTICS)[number];

/** A question, or what is wrong with it. */
export type EvaluationItem =
  | { readonly kind: 'tuple'; readonly tuple: Tuple }
  | { readonly kind: 'invalid'; readonly error: InvalidArgumentError };

/** `invalid` is no decision: the question is wrong, and stays wrong. */
export type EvaluationResult =
  | { readonly kind: 'decided'; readonly allowed: boolean }
  | { readonly kind: 'invalid'; readonly error: InvalidArgumentError };

export interface EvaluateRequest extends AskedBy {
  readonly items: readonly EvaluationItem[];
  readonly semantic: EvaluationSemantic;
}

/**
 * Decides all items at once, and answers them in order up to the one that decides. What comes after it counts for nothing:
 * neither its answer nor its fault.
 *
 * @throws TaskgateError if one that is to be answered could not be decided. It would be a fault in the place of an answer.
 */
export type Evaluate = (request: EvaluateRequest, context: CallContext) => Promise<readonly EvaluationResult[]>;

export interface EvaluateDeps {
  readonly decideChecks: DecideChecks;
  readonly policy: Policy;
  readonly decisionLog: DecisionLog;
}

const DENIED: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'denied' };
/** What is allowed of the schema tells neither the object nor a revision. */
const HELD: Outcome = {
  kind: 'decided',
  decision: { kind: 'ALLOWED', object: undefined, checkedAt: '' },
  reason: 'held',
};

/** What an item asks, or why it asks nothing. */
type Plan = TuplePlan | { readonly kind: 'failed'; readonly error: TaskgateError };

interface Planned<Plan> {
  readonly index: number;
  readonly plan: Plan;
}

export function createEvaluate(deps: EvaluateDeps, options: TupleOptions): Evaluate {
  const record = ({ decisionId, caller, startedAtMs, traceId }: AskedBy, plan: Plan, verdict: Outcome): void => {
    const call = { decisionId, caller, startedAtMs, traceId };
    if (plan.kind === 'task') {
      recordOutcome(deps.decisionLog, { ...call, principal: plan.principal, check: plan.check }, verdict);
    } else deps.decisionLog.record({ ...call, ...describe(plan), ...outcomeOf(verdict) });
  };
  return async (request, context) => {
    const verdicts: Outcome[] = Array.from({ length: request.items.length });
    const plans = request.items.map((item) => planItem(item, options));
    await Promise.all([
      decideTasks(plans, deps.decideChecks, context, verdicts),
      decidePolicy(plans, deps.policy, context, verdicts),
    ]);
    const results: EvaluationResult[] = [];
    for (const [index, plan] of plans.entries()) {
      const verdict = verdictOf(plan, verdicts[index]);
      record(request, plan, verdict);
      const result = toResult(verdict);
      results.push(result);
      if (isDeciding(result, request.semantic)) break;
    }
    return results;
  };
}

function planItem(item: EvaluationItem, options: TupleOptions): Plan {
  if (item.kind === 'invalid') return { kind: 'failed', error: item.error };
  try {
    return planTuple(item.tuple, options);
  } catch (thrown) {
    return { kind: 'failed', error: toTaskgateError(thrown) };
  }
}

function toResult(verdict: Outcome): EvaluationResult {
  if (verdict.kind === 'decided') return { kind: 'decided', allowed: verdict.decision.kind === 'ALLOWED' };
  if (verdict.error instanceof InvalidArgumentError) return { kind: 'invalid', error: verdict.error };
  throw verdict.error;
}

function isDeciding(result: EvaluationResult, semantic: EvaluationSemantic): boolean {
  const allowed = result.kind === 'decided' && result.allowed;
  switch (semantic) {
    case 'execute_all':
      return false;
    case 'deny_on_first_deny':
      return !allowed;
    case 'permit_on_first_permit':
      return allowed;
    default:
      return semantic satisfies never;
  }
}

/** All checks of one principal are decided together. */
async function decideTasks(
  plans: readonly Plan[],
  decideChecks: DecideChecks,
  context: CallContext,
  verdicts: Outcome[],
): Promise<void> {
  const asked = plans.flatMap((plan, index) => (plan.kind === 'task' ? [{ index, plan }] : []));
  const groups = Map.groupBy(asked, ({ plan: { principal } }) => joinKey(principal));
  await Promise.all([...groups.values()].map(async (group) => decideGroup(group, decideChecks, context, verdicts)));
}

async function decideGroup(
  group: readonly Planned<{ readonly principal: Principal; readonly check: TaskCheck }>[],
  decideChecks: DecideChecks,
  context: CallContext,
  verdicts: Outcome[],
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const checks = group.map(({ plan }) => plan.check);
  const outcomes = await decideChecks(first.plan.principal, checks, context);
  for (const [at, { index }] of group.entries()) verdicts[index] = outcomes[at] ?? missing();
}

/** All that may be equally fresh is decided at one revision. */
async function decidePolicy(
  plans: readonly Plan[],
  policy: Policy,
  context: CallContext,
  verdicts: Outcome[],
): Promise<void> {
  const asked = plans.flatMap((plan, index) => (plan.kind === 'policy' ? [{ index, plan }] : []));
  const groups = Map.groupBy(asked, ({ plan }) => plan.consistency.kind);
  await Promise.all(
    [...groups.values()].map(async (group) => {
      const [first] = group;
      if (first !== undefined) await askPolicy(group, first.plan.consistency, policy, context, verdicts);
    }),
  );
}

async function askPolicy(
  group: readonly Planned<{ readonly check: PolicyCheck }>[],
  consistency: Consistency,
  policy: Policy,
  context: CallContext,
  verdicts: Outcome[],
): Promise<void> {
  const checks = group.map(({ plan }) => plan.check);
  try {
    const results = await policy.check(checks, consistency, context);
    for (const [at, { index }] of group.entries()) {
      const result = results[at];
      if (result !== undefined)
        verdicts[index] = result.kind === 'failed' ? result : result.kind === 'held' ? HELD : DENIED;
    }
  } catch (thrown) {
    const error = toTaskgateError(thrown);
    for (const { index } of group) verdicts[index] = { kind: 'failed', error };
  }
}

function verdictOf(plan: Plan, verdict: Outcome | undefined): Outcome {
  if (plan.kind === 'nobody') return DENIED;
  return plan.kind === 'failed' ? plan : (verdict ?? missing());
}

function missing(): Outcome {
  return { kind: 'failed', error: new InternalError({ cause: 'an evaluation without an outcome' }) };
}

const UNKNOWN = { principal: { kind: 'unknown', id: '' }, type: 'unknown', operation: 'unknown' } as const;

/** For the log. Names that nobody has configured and the schema can't hold are not repeated. */
function describe(plan: Exclude<Plan, { kind: 'task' }>): Pick<DecisionRecord, 'principal' | 'type' | 'operation'> {
  switch (plan.kind) {
    case 'policy': {
      const { object, permission, subject } = plan.check;
      const type = object.kind === 'tenant' ? 'tenant' : object.type;
      return { principal: { kind: subject.type, id: subject.id }, type, operation: permission };
    }
    case 'nobody':
    case 'failed':
      return UNKNOWN;
    default:
      return plan satisfies never;
  }
}

/** Injective: the kind is one of a closed set, and the id is behind its length. */
function joinKey({ kind, id, account }: Principal): string {
  return `${kind}:${id.length}:${id}${account}`;
}
