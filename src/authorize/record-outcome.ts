import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecisionLog, DecisionRecord } from './ports.ts';

/** Writes one outcome to the decision log, whichever use case it came from. */
export function recordOutcome(
  log: DecisionLog,
  asked: {
    readonly decisionId: string;
    readonly caller: string;
    readonly principal: Principal;
    readonly check: TaskCheck;
  },
  outcome: Outcome,
): void {
  const { decisionId, caller, principal, check } = asked;
  log.record({
    decisionId,
    caller,
    principal,
    type: check.resource.type,
    operation: check.operation,
    ...outcomeOf(outcome),
  });
}

/** An outcome in the words of the log. */
export function outcomeOf(outcome: Outcome): Pick<DecisionRecord, 'outcome' | 'reason'> {
  return outcome.kind === 'decided'
    ? { outcome: outcome.decision.kind, reason: outcome.reason }
    : { outcome: 'ERROR', reason: outcome.error.name };
}
