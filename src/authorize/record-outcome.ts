import type { Outcome, ShadowResult } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { AskedBy, DecisionLog, DecisionRecord } from './ports.ts';

/**
 * Writes one outcome to the decision log, whichever use case it came from; with what shadow came to, once it has. The time
 * that shadow takes is not the answer's.
 *
 * @param stopwatchMs the clock of `startedAtMs`; default `performance.now`
 */
export function recordOutcome(
  log: DecisionLog,
  asked: AskedBy & { readonly principal: Principal; readonly check: TaskCheck },
  outcome: Outcome,
  stopwatchMs = () => performance.now(),
): void {
  const { decisionId, caller, principal, check, startedAtMs, traceId } = asked;
  const { outcome: word, reason } = outcomeOf(outcome);
  const record: DecisionRecord = {
    decisionId,
    caller,
    principal,
    type: check.resource.type,
    operation: check.operation,
    outcome: word,
    reason,
    check,
    evidence: outcome.kind === 'decided' ? outcome.evidence : undefined,
    startedAtMs,
    traceId,
  };
  const note = outcome.kind === 'decided' ? outcome.rollout : undefined;
  if (note === undefined) {
    log.record(record);
    return;
  }
  const { enforcement, legacy, shadow } = note;
  const noted = {
    ...record,
    enforcement,
    ...(legacy === undefined ? {} : { legacy }),
    ...(record.reason === 'bypassed' ? { bypass: true } : {}),
  };
  if (shadow instanceof Promise) {
    const answeredAtMs = stopwatchMs();
    void shadow.then((result) => log.record({ ...noted, answeredAtMs, ...describeShadow(result) }));
  } else log.record({ ...noted, ...describeShadow(shadow) });
}

function describeShadow(result: ShadowResult | undefined): Pick<DecisionRecord, 'shadow' | 'difference'> {
  if (result === undefined) return {};
  if (result.kind === 'dropped') return { shadow: { outcome: 'DROPPED' } };
  return { shadow: outcomeOf(result.outcome), difference: result.difference };
}

/** An outcome in the words of the log. */
export function outcomeOf(outcome: Outcome): Pick<DecisionRecord, 'outcome' | 'reason'> {
  return outcome.kind === 'decided'
    ? { outcome: outcome.decision.kind, reason: outcome.reason }
    : { outcome: 'ERROR', reason: outcome.error.name };
}
