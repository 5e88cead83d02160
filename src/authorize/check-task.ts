import type { Outcome } from '../domain/decision.ts';
import { InternalError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import { recordOutcome } from './record-outcome.ts';
import type { CallContext, DecideChecks, DecisionLog } from './ports.ts';

/** Decides one check and records the decision under `decisionId`. */
export type CheckTask = (
  request: { readonly decisionId: string; readonly principal: Principal; readonly check: TaskCheck },
  context: CallContext,
) => Promise<Outcome>;

export function createCheckTask(deps: {
  readonly decideChecks: DecideChecks;
  readonly decisionLog: DecisionLog;
}): CheckTask {
  return async ({ decisionId, principal, check }, context) => {
    const [outcome] = await deps.decideChecks(principal, [check], context);
    if (outcome === undefined) throw new InternalError({ cause: 'one check had no outcome' });
    recordOutcome(deps.decisionLog, { decisionId, principal, check, outcome });
    return outcome;
  };
}
