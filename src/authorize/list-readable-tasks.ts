import type { Consistency } from '../domain/consistency.ts';
import { MINIMIZE_LATENCY, strongerConsistency } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';
import type { PlanOptions } from './plan-check.ts';
import type { Enforcement } from '../domain/rollout.ts';
import type { AskedBy, CallContext, HeldLister } from './ports.ts';

/** Where a list goes on: after an id, as of a revision. */
export interface ListPosition {
  readonly afterId: string;
  /** The revision (ZedToken) of the page that the position comes from. */
  readonly snapshot: string;
}

export interface ListQuestion {
  readonly principal: Principal;
  /** A registered type. Default `task`. */
  readonly type?: string;
  readonly operation: Operation;
  /** Ids in a page, at least 1. */
  readonly pageSize: number;
  readonly position: ListPosition | undefined;
  readonly consistency: Consistency;
}

export interface ListRequest extends ListQuestion, AskedBy {}

/** Why nobody was asked for a list; for the log only. */
export interface ListNote {
  readonly enforcement: Enforcement;
  readonly reason: 'unenforced' | 'bypassed';
}

export type ListEvent =
  | { readonly kind: 'page'; readonly taskIds: readonly string[]; readonly position: ListPosition }
  /** Every one counts as held, whatever there is (by configuration only); no ids follow. */
  | { readonly kind: 'unscoped'; readonly note?: ListNote }
  /** The last event: nothing is missing. */
  | { readonly kind: 'complete'; readonly note?: ListNote };

/**
 * All tasks, or resources of another registered type, on which the principal may do the operation: ids ascending, each once, as of one revision. Makes a page only
 * when it is taken, so a slow reader costs the ids and nothing more.
 *
 * @throws TaskgateError if the list could not be told whole; what came before is right, and not all.
 */
export type ListReadableTasks = (request: ListRequest, context: CallContext) => AsyncIterable<ListEvent>;

export interface ListOptions extends PlanOptions {
  /** True for principals that read every task by configuration. */
  readonly isUnscoped: (principal: Principal) => boolean;
}

/** The type whose ids are listed unless another one is named. */
export const TASK = 'task';

export function createListReadableTasks(
  { lister }: { readonly lister: HeldLister },
  options: ListOptions,
): ListReadableTasks {
  return async function* list({ principal, type = TASK, operation, pageSize, position, consistency }, context) {
    const rule = options.types.get(type)?.rules.get(operation);
    if (rule?.kind !== 'self') throw new InvalidArgumentError('operation', `${type}s can't be listed by ${operation}`);
    if (type === TASK && options.isUnscoped(principal)) {
      yield { kind: 'unscoped' };
      yield { kind: 'complete' };
      return;
    }
    const configured = options.consistencyByOperation.get(operation) ?? MINIMIZE_LATENCY;
    const { ids, readAt } = await lister.list(
      { type, permission: rule.permission, principal },
      { consistency: strongerConsistency(configured, consistency), snapshot: position?.snapshot },
      context,
    );
    const snapshot = readAt ?? position?.snapshot ?? '';
    for (let at = firstAfter(ids, position?.afterId); at < ids.length; at += pageSize) {
      const taskIds = ids.slice(at, at + pageSize);
      yield { kind: 'page', taskIds, position: { afterId: taskIds.at(-1) ?? '', snapshot } };
    }
    yield { kind: 'complete' };
  };
}

/** Where the ids after `id` begin, in ascending ids. */
function firstAfter(ids: readonly string[], id: string | undefined): number {
  if (id === undefined) return 0;
  const at = ids.findIndex((candidate) => candidate > id);
  return at === -1 ? ids.length : at;
}
