import type { Outcome, RolloutNote, ShadowResult } from '../domain/decision.ts';
import { FORBIDDEN, NOT_FOUND } from '../domain/decision.ts';
import { InternalError, toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { Enforcement, LegacyAnswer } from '../domain/rollout.ts';
import { compareToLegacy } from '../domain/rollout.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { CheckPlan, PlanOptions } from './plan-check.ts';
import { planCheck } from './plan-check.ts';
import type { CallContext, DecideCheck, DecideChecks } from './ports.ts';
import type { RolloutGates, RolloutObserver } from './ports-rollout.ts';
import type { ShadowRunner } from './run-in-shadow.ts';

export interface GateDeps {
  readonly gates: RolloutGates;
  readonly observer: RolloutObserver;
  readonly shadow: ShadowRunner;
}

export interface GateOptions extends PlanOptions {
  /** The answer for accounts that are not enforced, where the request brings none. */
  readonly offAnswer: LegacyAnswer;
  /** True for principals to whom everything is allowed, without asking; undefined: there are none. */
  readonly isBypassed: ((principal: Principal) => boolean) | undefined;
}

/**
 * Stands before everything that decides, so that every door has it. An enforced account is decided as without it. Of the
 * others the answer is the legacy rule's, and depends on nothing that is stored: it is the same for what is absent and for
 * what is denied, and takes the same time. What is wrong with a request is wrong in every account.
 */
export interface DecisionGate {
  /** `decide` is for who is told; `inShadow` decides the same for nobody, and is never waited for. */
  readonly gateCheck: (decide: DecideCheck, inShadow: DecideCheck) => DecideCheck;
  readonly gateChecks: (decide: DecideChecks, inShadow: DecideChecks) => DecideChecks;
}

const BYPASSED: Outcome & { kind: 'decided' } = {
  kind: 'decided',
  decision: { kind: 'ALLOWED', object: undefined, checkedAt: '' },
  reason: 'bypassed',
};

export function createDecisionGate({ gates, observer, shadow }: GateDeps, options: GateOptions): DecisionGate {
  const { types, offAnswer, isBypassed = () => false } = options;
  const hasNoEffect = gates.enforcesAll && options.isBypassed === undefined;

  /** A type that is not configured is refused by whoever decides. */
  const enforcementOf = (
    { resource: { type } }: TaskCheck,
    principal: Principal,
  ): Enforcement | Promise<Enforcement> => (types.has(type) ? gates.enforcement(type, principal) : 'enforce');

  const compare = (type: string, answered: LegacyAnswer, outcome: Outcome): ShadowResult => {
    const difference = compareToLegacy(answered, isAllowed(outcome));
    observer.compared(type, difference);
    return { kind: 'compared', outcome, difference };
  };
  const drop = (count: number): ShadowResult => {
    observer.dropped(count);
    return { kind: 'dropped' };
  };

  /** The answer to a check that is not decided for who is told, or what is wrong with it. */
  const answer = (check: TaskCheck, enforcement: Enforcement): Outcome => {
    let plan: CheckPlan;
    try {
      plan = planCheck(check, options);
    } catch (error) {
      return { kind: 'failed', error: toTaskgateError(error) };
    }
    const { type } = check.resource;
    if (enforcement === 'enforce') {
      observer.answered(type, enforcement, 'bypassed', 1);
      return { ...BYPASSED, rollout: { enforcement, legacy: check.legacy, shadow: undefined } };
    }
    const reason = check.legacy === undefined ? 'unenforced' : 'legacy';
    observer.answered(type, enforcement, reason, 1);
    return {
      kind: 'decided',
      decision: toDecision(answerOf(check), plan),
      reason,
      rollout: { enforcement, legacy: check.legacy, shadow: undefined },
    };
  };
  const answerOf = ({ legacy }: TaskCheck): LegacyAnswer => legacy ?? offAnswer;

  const decideInShadow = (inShadow: DecideCheck, principal: Principal, check: TaskCheck): RolloutNote['shadow'] => {
    const { type } = check.resource;
    const answered = answerOf(check);
    if (isBypassed(principal)) return compare(type, answered, BYPASSED);
    const outcome = shadow.run(1, (context) => inShadow(principal, check, context));
    if (outcome === undefined) return drop(1);
    if (!(outcome instanceof Promise)) return compare(type, answered, outcome);
    return outcome.catch(toFailed).then((decided) => compare(type, answered, decided));
  };
  const decideAllInShadow = (
    inShadow: DecideChecks,
    principal: Principal,
    checks: readonly TaskCheck[],
  ): readonly NonNullable<RolloutNote['shadow']>[] => {
    if (isBypassed(principal)) {
      return checks.map((check) => compare(check.resource.type, answerOf(check), BYPASSED));
    }
    const outcomes = shadow.run(checks.length, async (context) => inShadow(principal, checks, context));
    if (outcomes === undefined) {
      const dropped = drop(checks.length);
      return checks.map(() => dropped);
    }
    const compared = Promise.resolve(outcomes)
      .catch((error: unknown) => checks.map(() => toFailed(error)))
      .then((decided) =>
        checks.map((check, at) => compare(check.resource.type, answerOf(check), decided[at] ?? missing())),
      );
    return checks.map(async (_, at) => (await compared)[at] ?? { kind: 'dropped' });
  };

  return {
    gateCheck(decide, inShadow) {
      if (hasNoEffect) return decide;
      const go = (
        enforcement: Enforcement,
        principal: Principal,
        check: TaskCheck,
        context: CallContext,
      ): Outcome | Promise<Outcome> => {
        if (enforcement === 'enforce' && !isBypassed(principal)) return decide(principal, check, context);
        const outcome = answer(check, enforcement);
        return enforcement === 'shadow'
          ? withShadow(outcome, () => decideInShadow(inShadow, principal, check))
          : outcome;
      };
      return (principal, check, context) => {
        const enforcement = enforcementOf(check, principal);
        return enforcement instanceof Promise
          ? enforcement.then((told) => go(told, principal, check, context))
          : go(enforcement, principal, check, context);
      };
    },
    gateChecks(decide, inShadow) {
      if (hasNoEffect) return decide;
      return async (principal, checks, context) => {
        const enforcements = new Map<string, Enforcement>();
        for (const check of checks) {
          const { type } = check.resource;
          if (!enforcements.has(type)) enforcements.set(type, await enforcementOf(check, principal));
        }
        const bypassed = isBypassed(principal);
        const outcomes: Outcome[] = [];
        const decided: number[] = [];
        const shadowed: number[] = [];
        checks.forEach((check, index) => {
          const enforcement = enforcements.get(check.resource.type) ?? 'enforce';
          if (enforcement === 'enforce' && !(bypassed && types.has(check.resource.type))) {
            decided.push(index);
            return;
          }
          const outcome = answer(check, enforcement);
          outcomes[index] = outcome;
          if (enforcement === 'shadow' && outcome.kind === 'decided') shadowed.push(index);
        });
        if (decided.length === checks.length) return decide(principal, checks, context);
        const pick = (indices: readonly number[]) => indices.flatMap((index) => checks[index] ?? []);
        if (shadowed.length > 0) {
          const results = decideAllInShadow(inShadow, principal, pick(shadowed));
          shadowed.forEach((index, at) => {
            outcomes[index] = withShadow(outcomes[index] ?? missing(), () => results[at]);
          });
        }
        if (decided.length > 0) {
          const told = await decide(principal, pick(decided), context);
          decided.forEach((index, at) => {
            outcomes[index] = told[at] ?? missing();
          });
        }
        return outcomes;
      };
    },
  };
}

function withShadow(outcome: Outcome, inShadow: () => RolloutNote['shadow']): Outcome {
  if (outcome.kind === 'failed' || outcome.rollout === undefined) return outcome;
  return { ...outcome, rollout: { ...outcome.rollout, shadow: inShadow() } };
}

/** A denied create is said openly, as where it is enforced. */
function toDecision(answer: LegacyAnswer, { kind }: CheckPlan): (Outcome & { kind: 'decided' })['decision'] {
  if (answer === 'allow') return BYPASSED.decision;
  return kind === 'tenant' ? FORBIDDEN : NOT_FOUND;
}

function isAllowed(outcome: Outcome): LegacyAnswer | undefined {
  if (outcome.kind === 'failed') return undefined;
  return outcome.decision.kind === 'ALLOWED' ? 'allow' : 'deny';
}

function toFailed(error: unknown): Outcome {
  return { kind: 'failed', error: toTaskgateError(error) };
}

function missing(): Outcome {
  return { kind: 'failed', error: new InternalError({ cause: 'too few outcomes' }) };
}
