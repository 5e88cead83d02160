import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecisionLog } from './ports.ts';

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
    outcome: outcome.kind === 'decided' ? outcome.decision.kind : 'ERROR',
    reason: outcome.kind === 'decided' ? outcome.reason : outcome.error.name,
    check,
    evidence: outcome.kind === 'decided' ? outcome.evidence : undefined,
  });
}
