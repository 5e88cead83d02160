import type { JsonObject } from '../domain/json-value.ts';
import type { Evaluate } from './evaluate.ts';
import type { TupleEntity, TupleOptions } from './plan-tuple.ts';
import { assertId, findTarget } from './plan-tuple.ts';
import type { AskedBy, CallContext } from './ports.ts';

export interface SearchActionsRequest {
  readonly subject: TupleEntity;
  readonly resource: TupleEntity;
  readonly context: JsonObject;
}

/**
 * The names of the actions that the subject may do on the resource, of those that can be searched: ascending, each once.
 * For a configured type they are its operations too. An evaluation of each would allow it.
 *
 * @throws TaskgateError if one of them could not be decided.
 */
export type SearchActions = (
  request: SearchActionsRequest,
  call: AskedBy,
  context: CallContext,
) => Promise<readonly string[]>;

export function createSearchActions(
  { evaluate }: { readonly evaluate: Evaluate },
  options: TupleOptions & { /** The names that are tried. */ readonly searchedActions: readonly string[] },
): SearchActions {
  return async (request, { decisionId, caller, startedAtMs, traceId }, context) => {
    assertId(request.subject.id, 'subject.id');
    assertId(request.resource.id, 'resource.id');
    const names = candidatesOf(request.resource, options);
    const items = names.map((name) => ({
      kind: 'tuple' as const,
      tuple: { ...request, action: { name, properties: {} } },
    }));
    const call = { decisionId, caller, startedAtMs, traceId };
    const results = await evaluate({ ...call, items, semantic: 'execute_all' }, context);
    const wrong = results.find((result) => result.kind === 'invalid');
    if (wrong?.kind === 'invalid') throw wrong.error;
    return names.filter((_, index) => {
      const result = results[index];
      return result?.kind === 'decided' && result.allowed;
    });
  };
}

/** Only what can be asked of such a resource: creating it is not, and what it has no rule for is not. */
function candidatesOf(
  { type, id }: TupleEntity,
  options: TupleOptions & { readonly searchedActions: readonly string[] },
): readonly string[] {
  const configured = options.types.get(options.names.definitionOf(type) ?? '');
  const names = new Set([...options.searchedActions, ...(configured?.rules.keys() ?? [])]);
  return [...names].toSorted().filter((name) => {
    const target = findTarget(type, name, options);
    if (target.kind !== 'task') return target.kind === 'policy';
    const isOfNew = target.operation === 'create' && target.type.rules.get('create')?.kind === 'tenant';
    return isOfNew === (id === '*');
  });
}
