import type { Principal } from '../domain/principal.ts';
import type { LegacyAnswer } from '../domain/rollout.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { ListNote, ListReadableTasks } from './list-readable-tasks.ts';
import { TASK } from './list-readable-tasks.ts';
import type { RolloutGates, RolloutObserver } from './ports-rollout.ts';

/**
 * Lists of accounts that are not enforced are `unscoped`, or empty where the legacy rule denies; those of bypassed
 * principals are `unscoped`. In shadow nothing is listed: there is no legacy list to compare with.
 */
export function gateLists(
  {
    listReadableTasks,
    gates,
    observer,
  }: {
    readonly listReadableTasks: ListReadableTasks;
    readonly gates: RolloutGates;
    readonly observer: RolloutObserver;
  },
  {
    types,
    offAnswer,
    isBypassed,
  }: {
    readonly types: TypeModel;
    readonly offAnswer: LegacyAnswer;
    readonly isBypassed: ((principal: Principal) => boolean) | undefined;
  },
): ListReadableTasks {
  if (gates.enforcesAll && isBypassed === undefined) return listReadableTasks;
  return async function* gated(request, context) {
    const { principal, type = TASK, operation } = request;
    const enforcement = types.has(type) ? await gates.enforcement(type, principal) : 'enforce';
    const bypassed = enforcement === 'enforce' && isBypassed?.(principal) === true;
    // What can't be listed is refused in every account.
    const isListable = types.get(type)?.rules.get(operation)?.kind === 'self';
    if (!isListable || (enforcement === 'enforce' && !bypassed)) {
      yield* listReadableTasks(request, context);
      return;
    }
    const note: ListNote = { enforcement, reason: bypassed ? 'bypassed' : 'unenforced' };
    observer.answered(type, enforcement, note.reason, 1);
    if (bypassed || offAnswer === 'allow') yield { kind: 'unscoped', note };
    yield { kind: 'complete', note };
  };
}
