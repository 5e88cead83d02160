import type { Outcome } from '../domain/decision.ts';
import type { InvalidArgumentError } from '../domain/errors.ts';
import { InternalError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import { recordOutcome } from './record-outcome.ts';
import type { AskedBy, CallContext, DecideChecks, DecisionLog } from './ports.ts';

/** A check, or why this item of the batch is none. */
export type BatchItem =
  | { readonly kind: 'check'; readonly check: TaskCheck }
  | { readonly kind: 'malformed'; readonly error: InvalidArgumentError };

/** Decides a batch; as many outcomes as items, in their order. An item's error is that item's alone. */
export type BatchCheckTask = (
  request: AskedBy & {
    readonly principal: Principal;
    readonly items: readonly BatchItem[];
  },
  context: CallContext,
) => Promise<readonly Outcome[]>;

export function createBatchCheckTask(deps: {
  readonly decideChecks: DecideChecks;
  readonly decisionLog: DecisionLog;
}): BatchCheckTask {
  return async ({ principal, items, ...call }, context) => {
    const checks = items.flatMap((item) => (item.kind === 'check' ? [item.check] : []));
    const decided = await deps.decideChecks(principal, checks, context);
    let next = 0;
    return items.map((item) => {
      if (item.kind === 'malformed') return { kind: 'failed', error: item.error };
      const outcome = decided[next++] ?? { kind: 'failed', error: new InternalError({ cause: 'too few outcomes' }) };
      recordOutcome(deps.decisionLog, { ...call, principal, check: item.check }, outcome);
      return outcome;
    });
  };
}
