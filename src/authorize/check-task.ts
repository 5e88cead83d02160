import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { AskedBy, CallContext, DecideCheck, DecisionLog } from './ports.ts';
import { recordOutcome } from './record-outcome.ts';

export interface CheckTaskRequest extends AskedBy {
  readonly principal: Principal;
  readonly check: TaskCheck;
}

/** Decides one check and records the decision under `decisionId`; at once if nobody has to be asked. */
export type CheckTask = (request: CheckTaskRequest, context: CallContext) => Outcome | Promise<Outcome>;

export function createCheckTask({
  decideCheck,
  decisionLog,
}: {
  readonly decideCheck: DecideCheck;
  readonly decisionLog: DecisionLog;
}): CheckTask {
  const record = (request: CheckTaskRequest, outcome: Outcome): Outcome => {
    recordOutcome(decisionLog, request, outcome);
    return outcome;
  };
  return (request, context) => {
    const outcome = decideCheck(request.principal, request.check, context);
    return outcome instanceof Promise ? outcome.then((decided) => record(request, decided)) : record(request, outcome);
  };
}
