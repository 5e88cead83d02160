import type { Evaluate, EvaluationResult } from '../../authorize/evaluate.ts';
import type { Tuple } from '../../authorize/plan-tuple.ts';
import type { RecordedSearch } from '../../authorize/record-search.ts';
import type { SearchActions, SearchActionsRequest } from '../../authorize/search-actions.ts';
import type { Found } from '../../authorize/search-page.ts';
import { cutPage } from '../../authorize/search-page.ts';
import type { SearchResourcesRequest } from '../../authorize/search-resources.ts';
import type { SearchSubjectsRequest } from '../../authorize/search-subjects.ts';
import { InternalError } from '../../domain/errors.ts';
import type { AuthzenApi } from './authzen-endpoint.ts';
import type { PageTokens, Searched } from './page-token.ts';
import type { EvaluationsRequest } from './parse-evaluations.ts';
import { parseEvaluation, parseEvaluations } from './parse-evaluations.ts';
import type { ParsedSearch } from './parse-search.ts';
import { parseActionSearch, parseResourceSearch, parseSubjectSearch } from './parse-search.ts';
import { AUTHZEN_PATHS } from './paths.ts';

export interface AuthzenDeps {
  readonly evaluate: Evaluate;
  readonly searchSubjects: RecordedSearch<SearchSubjectsRequest>;
  readonly searchResources: RecordedSearch<SearchResourcesRequest>;
  readonly searchActions: SearchActions;
  readonly tokens: PageTokens;
}

export interface AuthzenOptions {
  /** Items of one request for evaluations. */
  readonly maxItems: number;
  /** Results of one page, and how many there are where none are asked for. */
  readonly maxPageSize: number;
}

/** Section 6. */
export function createEvaluationApi({ evaluate }: Pick<AuthzenDeps, 'evaluate'>): AuthzenApi<Tuple> {
  return {
    name: 'AuthzenEvaluation',
    permission: 'check',
    path: AUTHZEN_PATHS.evaluation,
    parse: parseEvaluation,
    handle: async (tuple, call, context) => {
      const items = [{ kind: 'tuple', tuple }] as const;
      return toSingle(await evaluate({ ...call, items, semantic: 'execute_all' }, context));
    },
  };
}

/** Section 7. */
export function createEvaluationsApi(
  { evaluate }: Pick<AuthzenDeps, 'evaluate'>,
  { maxItems }: Pick<AuthzenOptions, 'maxItems'>,
): AuthzenApi<EvaluationsRequest> {
  return {
    name: 'AuthzenEvaluations',
    permission: 'check',
    path: AUTHZEN_PATHS.evaluations,
    parse: (body) => parseEvaluations(body, { maxItems }),
    handle: async (request, call, context) => {
      if (request.kind === 'many') {
        const { items, semantic } = request;
        return { evaluations: (await evaluate({ ...call, items, semantic }, context)).map(toItem) };
      }
      const items = [{ kind: 'tuple', tuple: request.tuple }] as const;
      return toSingle(await evaluate({ ...call, items, semantic: 'execute_all' }, context));
    },
  };
}

/** Section 8.4. */
export function createSubjectSearchApi(
  { searchSubjects, tokens }: Pick<AuthzenDeps, 'searchSubjects' | 'tokens'>,
  { maxPageSize }: Pick<AuthzenOptions, 'maxPageSize'>,
): AuthzenApi<ParsedSearch<Omit<SearchSubjectsRequest, 'page'>>> {
  return {
    name: 'AuthzenSubjectSearch',
    permission: 'filter',
    path: AUTHZEN_PATHS.searchSubject,
    parse: (body) => parseSubjectSearch(body, { tokens, maxPageSize }),
    handle: async ({ request, page, searched }, call, context) => {
      const found = await searchSubjects({ ...request, page }, call, context);
      const { type } = request.subject;
      return toPage(found, (id) => ({ type, id }), searched, tokens);
    },
  };
}

/** Section 8.5. */
export function createResourceSearchApi(
  { searchResources, tokens }: Pick<AuthzenDeps, 'searchResources' | 'tokens'>,
  { maxPageSize }: Pick<AuthzenOptions, 'maxPageSize'>,
): AuthzenApi<ParsedSearch<Omit<SearchResourcesRequest, 'page'>>> {
  return {
    name: 'AuthzenResourceSearch',
    permission: 'filter',
    path: AUTHZEN_PATHS.searchResource,
    parse: (body) => parseResourceSearch(body, { tokens, maxPageSize }),
    handle: async ({ request, page, searched }, call, context) => {
      const found = await searchResources({ ...request, page }, call, context);
      const { type } = request.resource;
      return toPage(found, (id) => ({ type, id }), searched, tokens);
    },
  };
}

/** Section 8.6. There are few actions: each page decides all of them anew. */
export function createActionSearchApi(
  { searchActions, tokens }: Pick<AuthzenDeps, 'searchActions' | 'tokens'>,
  { maxPageSize }: Pick<AuthzenOptions, 'maxPageSize'>,
): AuthzenApi<ParsedSearch<SearchActionsRequest>> {
  return {
    name: 'AuthzenActionSearch',
    permission: 'filter',
    path: AUTHZEN_PATHS.searchAction,
    parse: (body) => parseActionSearch(body, { tokens, maxPageSize }),
    handle: async ({ request, page, searched }, call, context) => {
      const ids = await searchActions(request, call, context);
      return toPage(cutPage({ ids, readAt: undefined }, page), (name) => ({ name }), searched, tokens);
    },
  };
}

function toSingle([result]: readonly EvaluationResult[]): { readonly decision: boolean } {
  if (result === undefined) throw new InternalError({ cause: 'an evaluation without a result' });
  if (result.kind === 'invalid') throw result.error;
  return { decision: result.allowed };
}

/** An item that is wrong is denied, and says so; what is decided has nothing beside its decision. */
function toItem(result: EvaluationResult): object {
  if (result.kind === 'decided') return { decision: result.allowed };
  return { decision: false, context: { error: { status: 400, message: result.error.message } } };
}

function toPage(
  { ids, next, everyone }: Found,
  toResult: (id: string) => object,
  searched: Searched,
  tokens: PageTokens,
): object {
  return {
    results: ids.map(toResult),
    page: { next_token: next === undefined ? '' : tokens.seal(next, searched), count: ids.length },
    ...(everyone ? { context: { everyone: true } } : {}),
  };
}
