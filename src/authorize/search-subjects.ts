import type { Consistency } from '../domain/consistency.ts';
import type { JsonObject } from '../domain/json-value.ts';
import { toObject } from './decide-checks.ts';
import { planCheck } from './plan-check.ts';
import type { TupleAction, TupleEntity, TupleOptions, TupleType } from './plan-tuple.ts';
import { assertId, findTarget, isPrincipalKind, requireAccount, toPolicyContext, toTaskCheck } from './plan-tuple.ts';
import type { CallContext, ParentLookup, RelationshipObject, SentinelPicker } from './ports.ts';
import type { Policy } from './ports-policy.ts';
import type { Found, SearchPage } from './search-page.ts';
import { blamePageToken, cutPage, NOTHING_FOUND } from './search-page.ts';

export interface SearchSubjectsRequest {
  readonly subject: TupleType;
  readonly action: TupleAction;
  readonly resource: TupleEntity;
  readonly context: JsonObject;
  readonly page: SearchPage;
}

/**
 * The ids of all subjects of a type who may act on the resource: ascending, each once, as of the revision of the first
 * page. An evaluation of each would allow it. Nobody is found for what is absent, as for what nobody may do.
 *
 * @throws TaskgateError if the list could not be told whole.
 */
export type SearchSubjects = (request: SearchSubjectsRequest, context: CallContext) => Promise<Found>;

export interface SearchSubjectsDeps {
  readonly policy: Policy;
  readonly parents: ParentLookup;
  readonly sentinels: Pick<SentinelPicker, 'standIn'>;
}

export function createSearchSubjects(deps: SearchSubjectsDeps, options: TupleOptions): SearchSubjects {
  return async (request, context) => {
    const { resource, action, page } = request;
    assertId(resource.id, 'resource.id');
    const subjectType = options.names.definitionOf(request.subject.type);
    const target = findTarget(resource.type, action.name, options);
    if (subjectType === undefined || target.kind === 'nobody') return NOTHING_FOUND;
    if (target.kind === 'task' && !isPrincipalKind(subjectType)) return NOTHING_FOUND;
    const asked =
      target.kind === 'policy'
        ? { ...target, object: { kind: 'resource', type: target.definition, id: resource.id } as const }
        : await findObject(request, toTaskCheck(target.type, resource.id, target.operation), context, deps, options);
    const { object, permission, consistency } = asked;
    const question = { object, permission, subjectType, context: toPolicyContext(request, options) };
    try {
      const held = await deps.policy.listSubjects(
        question,
        { consistency, snapshot: page.position?.snapshot },
        context,
      );
      // Asked all the same, so that absent takes as long as denied.
      return object.kind === 'sentinel' ? NOTHING_FOUND : cutPage(held, page, held.everyone);
    } catch (thrown) {
      throw blamePageToken(thrown);
    }
  };
}

/** What a check of the resource would be decided on: itself, its parent, or the sentinel of what is absent. */
async function findObject(
  { subject }: SearchSubjectsRequest,
  check: ReturnType<typeof toTaskCheck>,
  context: CallContext,
  { parents, sentinels }: SearchSubjectsDeps,
  options: TupleOptions,
): Promise<{ readonly object: RelationshipObject; readonly permission: string; readonly consistency: Consistency }> {
  const account = requireAccount(subject, options);
  const plan = planCheck(check, options);
  const { permission, consistency } = plan;
  if (plan.kind === 'tenant') return { object: { kind: 'tenant', account }, permission, consistency };
  const { objectType, source } = plan;
  if (source.kind === 'known') {
    return { object: { kind: 'resource', type: objectType, id: source.id }, permission, consistency };
  }
  const [result] = await parents.lookup([source.key], context);
  const object = toObject(objectType, result, sentinels);
  if (object.kind === 'failed') throw object.error;
  return { object, permission, consistency };
}
