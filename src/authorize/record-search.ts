import { identifierProblem } from '../domain/identifier.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { TupleAction, TupleOptions, TupleType } from './plan-tuple.ts';
import { accountOf, findTarget, isPrincipalKind } from './plan-tuple.ts';
import type { AskedBy, CallContext } from './ports.ts';
import type { ListFlag, ListLog, ListMethod, ListRecord } from './ports-list-log.ts';
import type { Found, SearchPage } from './search-page.ts';

/** What searches have in common. */
interface Search {
  /** With an id where it is not the subject that is searched. */
  readonly subject: TupleType & { readonly id?: string };
  readonly action: TupleAction;
  readonly resource: TupleType;
  readonly page: SearchPage;
}

export type RecordedSearch<Request> = (request: Request, call: AskedBy, context: CallContext) => Promise<Found>;

/** The same search, with one record of each call. */
export function recordSearch<Request extends Search>(
  search: (request: Request, context: CallContext) => Promise<Found>,
  log: ListLog | undefined,
  { method, ...options }: TupleOptions & { readonly method: ListMethod },
): RecordedSearch<Request> {
  if (log === undefined) return async (request, _call, context) => search(request, context);
  return async (request, { decisionId, caller, startedAtMs, traceId }, context) => {
    const record = (result: Pick<ListRecord, 'outcome' | 'reason' | 'listed' | 'revision' | 'flags'>): void =>
      log.record({ method, decisionId, caller, startedAtMs, traceId, ...describe(request, options), ...result });
    const flags: readonly ListFlag[] = request.page.position === undefined ? [] : ['continued'];
    try {
      const found = await search(request, context);
      const { ids, next, everyone, readAt } = found;
      record({
        outcome: 'LISTED',
        reason: 'decided',
        listed: ids.length,
        revision: readAt,
        flags: [
          ...flags,
          ...(next === undefined ? [] : (['more'] as const)),
          ...(everyone ? (['everyone'] as const) : []),
        ],
      });
      return found;
    } catch (error) {
      record({ outcome: 'ERROR', reason: toTaskgateError(error).name, flags });
      throw error;
    }
  };
}

/** Names that the schema can't hold, and ids that nobody can have, are not repeated. */
function describe(
  { subject, action, resource }: Search,
  options: TupleOptions,
): Pick<ListRecord, 'principal' | 'types' | 'operation'> {
  const kind = options.names.definitionOf(subject.type) ?? 'unknown';
  const { id } = subject;
  const target = findTarget(resource.type, action.name, options);
  const account = isPrincipalKind(kind) ? accountIfAny(subject, options) : undefined;
  return {
    principal: {
      kind,
      ...(id === undefined || identifierProblem(id) !== undefined ? {} : { id }),
      ...(account === undefined ? {} : { account }),
    },
    types: [options.names.definitionOf(resource.type) ?? 'unknown'],
    operation: target.kind === 'nobody' ? 'unknown' : target.kind === 'task' ? target.operation : target.permission,
  };
}

function accountIfAny(subject: TupleType, options: TupleOptions): string | undefined {
  try {
    return accountOf(subject, options);
  } catch {
    // What is wrong with it is the search's error.
    return undefined;
  }
}
