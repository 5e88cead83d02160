import type { Outcome } from '../domain/decision.ts';
import { InternalError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecideNow } from './decide-now.ts';
import type { CallContext, DecideChecks, DecisionLog } from './ports.ts';
import { recordOutcome } from './record-outcome.ts';

export interface CheckTaskRequest {
  readonly decisionId: string;
  readonly principal: Principal;
  readonly check: TaskCheck;
}

/** Decides one check and records the decision under `decisionId`; at once if nobody has to be asked. */
export type CheckTask = (request: CheckTaskRequest, context: CallContext) => Outcome | Promise<Outcome>;

export function createCheckTask({
  decideNow,
  decideChecks,
  decisionLog,
}: {
  readonly decideNow: DecideNow;
  readonly decideChecks: DecideChecks;
  readonly decisionLog: DecisionLog;
}): CheckTask {
  async function ask(request: CheckTaskRequest, context: CallContext): Promise<Outcome> {
    const [outcome] = await decideChecks(request.principal, [request.check], context);
    if (outcome === undefined) throw new InternalError({ cause: 'one check had no outcome' });
    recordOutcome(decisionLog, request, outcome);
    return outcome;
  }
  return (request, context) => {
    const known = decideNow(request.principal, request.check);
    if (known === undefined) return ask(request, context);
    recordOutcome(decisionLog, request, known);
    return known;
  };
}
