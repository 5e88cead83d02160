import type { Outcome } from '../domain/decision.ts';
import { InternalError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecideDeps, DecideOptions } from './decide-checks.ts';
import { createDecideChecks } from './decide-checks.ts';
import { createDecideNow } from './decide-now.ts';
import type { CallContext, DecideCheck } from './ports.ts';
import type { HoldHidden } from './ports-hold.ts';

export interface DecideCheckDeps extends DecideDeps {
  /** Default: what is hidden is told at once, and asked about as in a list. */
  readonly holdHidden?: HoldHidden;
}

export function createDecideCheck(
  { holdHidden, ...deps }: DecideCheckDeps,
  options: Omit<DecideOptions, 'isHeld'>,
): DecideCheck {
  const decideNow = createDecideNow(deps, options);
  const decideChecks = createDecideChecks(deps, { ...options, isHeld: holdHidden !== undefined });
  async function ask(principal: Principal, check: TaskCheck, context: CallContext): Promise<Outcome> {
    const release = holdHidden?.(context);
    const [outcome] = await decideChecks(principal, [check], context);
    if (outcome === undefined) throw new InternalError({ cause: 'one check had no outcome' });
    await release?.(outcome);
    return outcome;
  }
  return (principal, check, context) => decideNow(principal, check) ?? ask(principal, check, context);
}
