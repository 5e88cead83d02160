import type { Consistency } from '../domain/consistency.ts';
import { MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json-value.ts';
import type { TupleAction, TupleEntity, TupleOptions, TupleType } from './plan-tuple.ts';
import { assertId, findTarget, isPrincipalKind, requireAccount, toPolicyContext } from './plan-tuple.ts';
import type { CallContext } from './ports.ts';
import type { Policy } from './ports-policy.ts';
import type { Found, SearchPage } from './search-page.ts';
import { blamePageToken, cutPage, NOTHING_FOUND } from './search-page.ts';

export interface SearchResourcesRequest {
  readonly subject: TupleEntity;
  readonly action: TupleAction;
  readonly resource: TupleType;
  readonly context: JsonObject;
  readonly page: SearchPage;
}

/**
 * The ids of all resources of a type on which the subject may act: ascending, each once, as of the revision of the first
 * page. An evaluation of each would allow it.
 *
 * @throws InvalidArgumentError for a type whose resources the relationships don't know: children have none.
 * @throws TaskgateError if the list could not be told whole.
 */
export type SearchResources = (request: SearchResourcesRequest, context: CallContext) => Promise<Found>;

export function createSearchResources({ policy }: { readonly policy: Policy }, options: TupleOptions): SearchResources {
  return async (request, context) => {
    const question = planSearch(request, options);
    if (question === undefined) return NOTHING_FOUND;
    const { consistency, ...asked } = question;
    const at = { consistency, snapshot: request.page.position?.snapshot };
    try {
      return cutPage(await policy.listObjects(asked, at, context), request.page);
    } catch (thrown) {
      throw blamePageToken(thrown);
    }
  };
}

type Question = Parameters<Policy['listObjects']>[0] & { readonly consistency: Consistency };

/** Undefined where nothing can be found. */
function planSearch(request: SearchResourcesRequest, options: TupleOptions): Question | undefined {
  const { subject, action, resource } = request;
  assertId(subject.id, 'subject.id');
  const subjectType = options.names.definitionOf(subject.type);
  const target = findTarget(resource.type, action.name, options);
  if (subjectType === undefined || target.kind === 'nobody') return undefined;
  const common = { subject: { type: subjectType, id: subject.id }, context: toPolicyContext(request, options) };
  if (target.kind === 'policy') {
    const { definition, permission, consistency } = target;
    return { ...common, objectType: definition, permission, consistency };
  }
  if (!isPrincipalKind(subjectType)) return undefined;
  requireAccount(subject, options);
  const rule = target.type.rules.get(target.operation);
  // What is created does not exist yet.
  if (rule === undefined || rule.kind === 'tenant') return undefined;
  if (rule.kind === 'parent') {
    throw new InvalidArgumentError('resource.type', `can not be searched: search its ${rule.parentType}`);
  }
  const consistency = options.consistencyByOperation.get(target.operation) ?? MINIMIZE_LATENCY;
  return { ...common, objectType: target.type.name, permission: rule.permission, consistency };
}
