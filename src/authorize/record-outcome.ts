import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecisionLog } from './ports.ts';

/** The call that a decision is made for. */
export interface AskedBy {
  readonly decisionId: string;
  /** The name of the program that asks. */
  readonly caller: string;
  /** When the call began, in milliseconds of the process's monotonic clock. */
  readonly startedAtMs: number;
  readonly traceId?: string | undefined;
}

/** Writes one outcome to the decision log, whichever use case it came from. */
export function recordOutcome(
  log: DecisionLog,
  asked: AskedBy & { readonly principal: Principal; readonly check: TaskCheck },
  outcome: Outcome,
): void {
  const { decisionId, caller, principal, check, startedAtMs, traceId } = asked;
  const isDecided = outcome.kind === 'decided';
  log.record({
    decisionId,
    caller,
    principal,
    type: check.resource.type,
    operation: check.operation,
    outcome: isDecided ? outcome.decision.kind : 'ERROR',
    reason: isDecided ? outcome.reason : outcome.error.name,
    check,
    evidence: isDecided ? outcome.evidence : undefined,
    startedAtMs,
    traceId,
  });
}
