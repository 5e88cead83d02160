import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { ExplainedCheck, ExplainedObject, FailedObject, UsedParentStep, Verdict } from './explanation.ts';
import { caveatsThatDeny, closedGatesOf, grantsOf, isBare, isUntold, missingGrantsOf } from './explain-trace.ts';
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
  /** What is written of the object, in words; undefined if it does not matter or could not be told. */
  readonly standing: string | undefined;
  /** What callers are told instead, in words; undefined if they are told the outcome. */
  readonly told: string | undefined;
}

/** Says in a sentence why an outcome is what it is. */
export function explainVerdict(findings: VerdictFindings): Verdict {
  const { outcome } = findings;
  const but = findings.told === undefined ? '' : `. But ${findings.told}`;
  if (outcome.kind === 'failed') {
    return { outcome: 'COULD_NOT_TELL', reason: outcome.error.name, why: `${outcome.error.message}${but}` };
  }
  const { decision, reason } = outcome;
  return { outcome: decision.kind, reason, why: [sentence(findings), disagreement(findings), but].join('') };
}

function sentence(findings: VerdictFindings): string {
  const { principal, check, object, plan, steps, outcome, checks, standing } = findings;
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
    const by = grants.length === 0 ? '' : `, by ${grants.join(' and ')}`;
    const untold =
      trace !== undefined && isUntold(trace) ? '; SpiceDB had it in its cache, which does not say why' : '';
    return `${who} holds ${plan.permission} on ${on}${by}${untold}`;
  }
  const missing = trace === undefined ? [] : missingGrantsOf(trace);
  const caveats = trace === undefined ? [] : caveatsThatDeny(trace);
  const gates = trace === undefined ? [] : closedGatesOf(trace);
  const because = [
    ...(missing.length === 0 ? [] : [`it has none of ${missing.join(', ')}`]),
    ...caveats,
    ...gates.map((account) => `the gate of the account ${account} is not open to it (taskgate add-account opens it)`),
    ...(trace !== undefined && isUntold(trace) ? ['SpiceDB had it in its cache, which does not say why'] : []),
    ...(standing === undefined ? [] : [standing]),
    ...(standing === undefined && object.kind === 'resource' && trace !== undefined && isBare(trace)
      ? ['nothing of it was found, so perhaps it is not registered']
      : []),
    ...(asked?.result === 'conditional' ? ['what is conditional counts as denied'] : []),
  ];
  const isInherited = object.kind !== 'tenant' && object.type !== check.resource.type;
  const whose = isInherited ? `, the parent of ${formatRef(check.resource)}` : '';
  const denied = `${who} does not hold ${plan.permission} on ${on}${whose}`;
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
