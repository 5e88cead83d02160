import type { Consistency } from '../domain/consistency.ts';
import { FULLY_CONSISTENT } from '../domain/consistency.ts';
import type { Outcome } from '../domain/decision.ts';
import { FailedPreconditionError, InternalError, NotFoundError, toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import { decideOnObject, decideOnTenant } from './decide.ts';
import type { ExplainedCheck, ExplainedObject, Explanation, FailedObject, UsedParentStep } from './explanation.ts';
import type { RolloutSource } from './explain-rollout.ts';
import { describeRollout, readRollout, toRolloutFlags } from './explain-rollout.ts';
import { describeStanding, readStanding } from './explain-standing.ts';
import { explainVerdict } from './explain-verdict.ts';
import type { CheckPlan, PlanOptions } from './plan-check.ts';
import { planCheck } from './plan-check.ts';
import { toAskedAs } from './pending.ts';
import type { CallContext, RelationshipCheck, RelationshipObject, RelationshipResult } from './ports.ts';
import type { CheckTracer, ParentInspector, RecentDecision, RecentDecisions, Snapshot } from './ports-explain.ts';
import type { RelationshipReader } from './ports-lifecycle.ts';

/** What to explain: a question, or a decision that is still in memory. */
export type ExplainRequest =
  | { readonly kind: 'question'; readonly principal: Principal; readonly check: TaskCheck }
  | { readonly kind: 'recorded'; readonly decisionId: string; readonly index: number };

/**
 * Decides a question apart from everything that decides, and says why. It changes neither caches nor counters.
 *
 * What can't be told is an explanation too, whose verdict says so.
 *
 * @throws InvalidArgumentError if the deployment has no rule for what is asked.
 * @throws NotFoundError if the decision is not in memory.
 * A decision for which nobody was asked, since its account was not enforced, has no revision: it is explained as of now.
 *
 * @throws FailedPreconditionError if it has no revision otherwise, or its revision is gone.
 */
export type ExplainDecision = (request: ExplainRequest, context: CallContext) => Promise<Explanation>;

export interface ExplainDeps {
  readonly parents: ParentInspector;
  readonly tracer: CheckTracer;
  readonly reader: Pick<RelationshipReader, 'read'>;
  readonly gates: RolloutSource['gates'];
  readonly recent: Pick<RecentDecisions, 'find'>;
}

export interface ExplainOptions extends PlanOptions, Pick<RolloutSource, 'offAnswer' | 'isBypassed'> {
  readonly revealReadable: boolean;
}

/** The reasons of decisions for which nobody was asked. */
const UNASKED: ReadonlySet<string> = new Set(['legacy', 'unenforced', 'bypassed']);

const DENIED: RelationshipResult = { kind: 'denied' };

interface Asked {
  readonly principal: Principal;
  readonly check: TaskCheck;
  readonly recorded: RecentDecision | undefined;
  /** The revision to replay at. */
  readonly snapshot: Snapshot | undefined;
}

export function createExplainDecision(deps: ExplainDeps, options: ExplainOptions): ExplainDecision {
  return async (request, context) => {
    const asked = findAsked(request, deps.recent);
    const { principal, check, recorded, snapshot } = asked;
    const plan = planCheck(check, options);
    const { steps, object } = await findObject(plan, principal, deps.parents, context);
    const floor = snapshot ?? toFloor(plan, object, deps.tracer);
    const askedAs = plan.kind === 'object' && plan.source.kind === 'lookup' ? toAskedAs(plan.source.key) : undefined;
    const questions = toQuestions(plan, object, principal, askedAs, options.revealReadable);
    const checks = await traceAll(questions, floor ?? plan.consistency, deps.tracer, context);
    const outcome = conclude(plan, object, checks);
    const isDenied = outcome.kind === 'decided' && outcome.reason === 'denied';
    // What is written now says nothing of a decision that is replayed.
    const standing =
      isDenied && snapshot === undefined && object.kind === 'resource'
        ? describeStanding(await readStanding(object, deps.reader, context), object, principal)
        : undefined;
    const { type } = check.resource;
    const rollout = await readRollout({ ...options, gates: deps.gates }, type, principal);
    const told = describeRollout(rollout, type, principal);
    return {
      principal,
      check,
      recorded,
      plan: {
        objectType: plan.kind === 'tenant' ? 'tenant' : plan.objectType,
        permission: plan.permission,
        consistency: plan.consistency,
        floor,
        flags: [...toFlags(check, options), ...toRolloutFlags(rollout)],
      },
      parents: steps,
      object,
      checks,
      verdict: explainVerdict({ principal, check, plan, steps, object, checks, outcome, standing, told }),
    };
  };
}

function findAsked(request: ExplainRequest, recent: ExplainDeps['recent']): Asked {
  if (request.kind === 'question') return { ...request, recorded: undefined, snapshot: undefined };
  const recorded = recent.find(request.decisionId, request.index);
  if (recorded === undefined) throw new NotFoundError();
  const { principal, check, evidence } = recorded.record;
  if (evidence === undefined && UNASKED.has(recorded.record.reason)) {
    return { principal, check, recorded, snapshot: undefined };
  }
  if (evidence === undefined || evidence.checkedAt === '') {
    throw new FailedPreconditionError('decision: it has no revision to replay it at; explain the question instead');
  }
  return { principal, check, recorded, snapshot: { kind: 'at_exact_snapshot', token: evidence.checkedAt } };
}

/** The object of a plan, from the first layer that knows it, as a lookup would. */
async function findObject(
  plan: CheckPlan,
  principal: Principal,
  parents: ParentInspector,
  context: CallContext,
): Promise<{ readonly steps: readonly UsedParentStep[]; readonly object: ExplainedObject | FailedObject }> {
  if (plan.kind === 'tenant') return { steps: [], object: { kind: 'tenant', account: principal.account } };
  const { objectType: type, source } = plan;
  if (source.kind === 'known') return { steps: [], object: { kind: 'resource', type, id: source.id } };
  const steps = await parents.inspect(source.key, context);
  const usedAt = steps.findIndex(({ result }) => result.kind === 'found' || result.kind === 'absent');
  const used = steps[usedAt]?.result;
  const marked = steps.map((step, index) => ({ ...step, isUsed: index === usedAt }));
  if (used?.kind === 'found') return { steps: marked, object: { kind: 'resource', type, id: used.id } };
  if (used?.kind === 'absent') return { steps: marked, object: { kind: 'absent', type } };
  const fault = steps.map(({ result }) => result).findLast((result) => result.kind === 'failed');
  const error = fault?.error ?? new InternalError({ cause: 'no layer could tell of the parent' });
  return { steps: marked, object: { kind: 'failed', type, error } };
}

function toObject(object: ExplainedObject | FailedObject): RelationshipObject | undefined {
  return object.kind === 'resource' || object.kind === 'tenant' ? object : undefined;
}

/** What a decision would be raised to; undefined if nothing raises it. */
function toFloor(
  { consistency }: CheckPlan,
  object: ExplainedObject | FailedObject,
  tracer: CheckTracer,
): Consistency | undefined {
  const target = toObject(object);
  const floor = target === undefined ? undefined : tracer.floorOf(target);
  if (floor === undefined || consistency.kind === 'fully_consistent') return undefined;
  if (consistency.kind === 'minimize_latency') return floor;
  const isSame = floor.kind === 'at_least_as_fresh' && floor.token === consistency.token;
  return isSame ? undefined : FULLY_CONSISTENT;
}

type Question = Pick<ExplainedCheck, 'purpose' | 'permission' | 'object'> & { readonly check: RelationshipCheck };

/** What a decision asks, without the sentinel that stands in for what is absent: its answer is thrown away. */
function toQuestions(
  plan: CheckPlan,
  object: ExplainedObject | FailedObject,
  principal: Principal,
  askedAs: string | undefined,
  revealReadable: boolean,
): readonly Question[] {
  const questions: Question[] = [];
  const ask = (purpose: Question['purpose'], permission: string, on: RelationshipObject & ExplainedObject): void => {
    const check = { object: on, permission, principal, ...(on.kind === 'resource' ? { askedAs } : {}) };
    questions.push({ purpose, permission, object: on, check });
  };
  if (object.kind === 'failed') return [];
  if (object.kind !== 'absent') ask('permission', plan.permission, object);
  if (plan.kind === 'tenant') return questions;
  const { readPermission, createPermission } = plan;
  if (revealReadable && readPermission !== undefined && object.kind !== 'absent') ask('read', readPermission, object);
  if (createPermission !== undefined) ask('create', createPermission, { kind: 'tenant', account: principal.account });
  return questions;
}

/** All at the revision of the first. */
async function traceAll(
  questions: readonly Question[],
  at: Consistency | Snapshot,
  tracer: CheckTracer,
  context: CallContext,
): Promise<readonly ExplainedCheck[]> {
  const checks: ExplainedCheck[] = [];
  let revision = at;
  for (const { check, ...question } of questions) {
    const cached = tracer.cached(check);
    try {
      // oxlint-disable-next-line eslint/no-await-in-loop -- the revision of the first is that of all
      const traced = await tracer.trace(check, revision, context);
      revision = { kind: 'at_exact_snapshot', token: traced.checkedAt };
      checks.push({ ...question, ...traced, cached, error: undefined });
    } catch (thrown) {
      const error = toTaskgateError(thrown);
      // What was asked for can't be had: that explains nothing.
      if (error instanceof FailedPreconditionError) throw error;
      checks.push({ ...question, result: 'unknown', checkedAt: '', trace: undefined, cached, error });
    }
  }
  return checks;
}

/** By the same rules as any decision. */
function conclude(plan: CheckPlan, object: ExplainedObject | FailedObject, checks: readonly ExplainedCheck[]): Outcome {
  if (object.kind === 'failed') return object;
  const resultOf = (purpose: ExplainedCheck['purpose']): RelationshipResult | undefined => {
    const check = checks.find((each) => each.purpose === purpose);
    return check === undefined ? undefined : toResult(check);
  };
  const permission = resultOf('permission') ?? DENIED;
  const checkedAt = checks[0]?.checkedAt ?? '';
  if (plan.kind === 'tenant') return decideOnTenant(permission, checkedAt);
  return decideOnObject({
    checkedAt,
    permission,
    object: object.kind === 'resource' ? { kind: 'present', type: object.type, id: object.id } : { kind: 'absent' },
    read: resultOf('read'),
    create: resultOf('create'),
  });
}

function toResult({ result, error }: ExplainedCheck): RelationshipResult {
  switch (result) {
    case 'held':
      return { kind: 'held' };
    case 'denied':
    case 'conditional':
      return DENIED;
    case 'unknown':
      return { kind: 'failed', error: error ?? new InternalError({ cause: 'a check without a result' }) };
    default:
      return result satisfies never;
  }
}

function toFlags(check: TaskCheck, { revealReadable }: ExplainOptions): readonly string[] {
  return [
    ...(revealReadable ? ['denials.reveal_readable'] : []),
    ...(check.createIfAbsent ? ['create_if_absent'] : []),
  ];
}
