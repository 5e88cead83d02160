import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecisionLog } from './ports.ts';

/** Writes one outcome to the decision log, whichever use case it came from. */
export function recordOutcome(
  log: DecisionLog,
  decided: {
    readonly decisionId: string;
    readonly principal: Principal;
    readonly check: TaskCheck;
    readonly outcome: Outcome;
  },
): void {
  const { outcome, check } = decided;
  log.record({
    decisionId: decided.decisionId,
    principal: decided.principal,
    type: check.resource.type,
    operation: check.operation,
    outcome: outcome.kind === 'decided' ? outcome.decision.kind : 'ERROR',
    reason: outcome.kind === 'decided' ? outcome.reason : outcome.error.name,
  });
}
