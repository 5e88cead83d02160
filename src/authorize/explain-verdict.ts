import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { ExplainedCheck, ExplainedObject, FailedObject, UsedParentStep, Verdict } from './explanation.ts';
import { caveatsThatDeny, grantsOf, isBare, missingGrantsOf } from './explain-trace.ts';
import type { CheckPlan } from './plan-check.ts';

/** All that a verdict is put into words from. */
export interface VerdictFindings {
  readonly principal: Principal;
  readonly check: TaskCheck;
  readonly plan: CheckPlan;
  readonly steps: readonly UsedParentStep[];
  readonly object: ExplainedObject | FailedObject;
  readonly checks: readonly ExplainedCheck[];
  readonly outcome: Outcome;
}

/** Says in a sentence why an outcome is what it is. */
export function explainVerdict(findings: VerdictFindings): Verdict {
  const { outcome } = findings;
  if (outcome.kind === 'failed') {
    return { outcome: 'COULD_NOT_TELL', reason: outcome.error.name, why: outcome.error.message };
  }
  const { decision, reason } = outcome;
  return { outcome: decision.kind, reason, why: [sentence(findings), disagreement(findings)].join('') };
}

function sentence(findings: VerdictFindings): string {
  const { principal, check, object, plan, steps, outcome, checks } = findings;
  const who = `${principal.kind}:${principal.id}`;
  const reason = outcome.kind === 'decided' ? outcome.reason : undefined;
  const create = checks.find(({ purpose }) => purpose === 'create');
  if (object.kind === 'absent') {
    const detail = steps.find(({ isUsed }) => isUsed)?.detail ?? 'it is not there';
    const absent = `${formatRef(check.resource)} is absent: ${detail}`;
    if (create === undefined) return absent;
    const does = reason === 'created' ? 'may' : 'may not';
    return `${absent}; ${who} ${does} create it in tenant:${principal.account}`;
  }
  const on = object.kind === 'tenant' ? `tenant:${object.account}` : `${object.type}:${objectId(object)}`;
  const asked = checks.find(({ purpose }) => purpose === 'permission');
  const trace = asked?.trace;
  if (reason === 'held') {
    const grants = trace === undefined ? [] : grantsOf(trace);
    return `${who} holds ${plan.permission} on ${on}${grants.length === 0 ? '' : `, by ${grants.join(' and ')}`}`;
  }
  const missing = trace === undefined ? [] : missingGrantsOf(trace);
  const caveats = trace === undefined ? [] : caveatsThatDeny(trace);
  const because = [
    ...(missing.length === 0 ? [] : [`it has none of ${missing.join(', ')}`]),
    ...caveats,
    ...(trace !== undefined && isBare(trace) ? ['nothing of it was found, so it may not be registered'] : []),
    ...(asked?.result === 'conditional' ? ['what is conditional counts as denied'] : []),
  ];
  const denied = `${who} does not hold ${plan.permission} on ${on}`;
  return because.length === 0 ? denied : `${denied}: ${because.join('; ')}`;
}

/** A layer that says something else than the one that is used: a cache that is behind, or a row that was moved. */
function disagreement({ steps }: VerdictFindings): string {
  const used = steps.find(({ isUsed }) => isUsed);
  if (used === undefined) return '';
  const known = ({ result }: UsedParentStep): string | undefined => {
    if (result.kind === 'found') return result.id;
    return result.kind === 'absent' ? 'absent' : undefined;
  };
  const others = steps.filter((step) => known(step) !== undefined && known(step) !== known(used));
  return others.map((step) => `. But ${step.layer} says: ${known(step)}`).join('');
}

function objectId(object: ExplainedObject | FailedObject): string {
  return object.kind === 'resource' ? object.id : '?';
}

/** `message:m1`, `task named "x"`, or `a new task`. */
export function formatRef({ type, key }: ResourceRef): string {
  switch (key.kind) {
    case 'id':
      return `${type}:${key.id}`;
    case 'name':
      return `${type} named ${JSON.stringify(key.name)}`;
    case 'new':
      return `a new ${type}`;
    default:
      return key satisfies never;
  }
}
