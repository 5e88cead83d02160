import type { Outcome } from '../domain/decision.ts';
import { InternalError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { DecideDeps, DecideOptions } from './decide-checks.ts';
import { createDecideChecks } from './decide-checks.ts';
import { createDecideNow } from './decide-now.ts';
import type { CallContext, DecideCheck } from './ports.ts';

export function createDecideCheck(deps: DecideDeps, options: DecideOptions): DecideCheck {
  const decideNow = createDecideNow(deps, options);
  const decideChecks = createDecideChecks(deps, options);
  async function ask(principal: Principal, check: TaskCheck, context: CallContext): Promise<Outcome> {
    const [outcome] = await decideChecks(principal, [check], context);
    if (outcome === undefined) throw new InternalError({ cause: 'one check had no outcome' });
    return outcome;
  }
  return (principal, check, context) => decideNow(principal, check) ?? ask(principal, check, context);
}
