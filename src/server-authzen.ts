// The part of the composition that is AuthZEN's.
import { createEvaluate } from './authorize/evaluate.ts';
import type { EvaluateDeps } from './authorize/evaluate.ts';
import { createPolicyNames } from './authorize/policy-names.ts';
import type { ListLog } from './authorize/ports-list-log.ts';
import { recordSearch } from './authorize/record-search.ts';
import { createSearchActions } from './authorize/search-actions.ts';
import { createSearchResources } from './authorize/search-resources.ts';
import type { SearchSubjectsDeps } from './authorize/search-subjects.ts';
import { createSearchSubjects } from './authorize/search-subjects.ts';
import type { Config } from './config/config.ts';
import { createAuthzenEndpoints } from './http/authzen/authzen-endpoints.ts';
import { createPageTokens } from './http/authzen/page-token.ts';
import type { createServeEndpoint, ServedEndpoint } from './http/endpoint.ts';
import { toCursorSecrets } from './server-options.ts';

/** None where it is not enabled. */
export function createAuthzen(
  deps: EvaluateDeps &
    SearchSubjectsDeps & {
      readonly serve: ReturnType<typeof createServeEndpoint>;
      readonly listLog: ListLog | undefined;
    },
  config: Config,
): readonly ServedEndpoint[] {
  const { authzen, limits } = config;
  if (!authzen.enabled) return [];
  const options = {
    names: createPolicyNames(authzen),
    accountProperty: authzen.accountProperty,
    defaultAccount: authzen.defaultAccount,
    types: config.types,
    consistencyByOperation: config.consistency,
  };
  const evaluate = createEvaluate(deps, options);
  return createAuthzenEndpoints(
    {
      serve: deps.serve,
      evaluate,
      searchSubjects: recordSearch(createSearchSubjects(deps, options), deps.listLog, {
        ...options,
        method: 'search_subjects',
      }),
      searchResources: recordSearch(createSearchResources(deps, options), deps.listLog, {
        ...options,
        method: 'search_resources',
      }),
      searchActions: createSearchActions({ evaluate }, { ...options, searchedActions: authzen.searchedActions }),
      tokens: createPageTokens(toCursorSecrets(config)),
    },
    {
      maxItems: limits.maxBatchSize,
      maxPageSize: authzen.maxPageSize,
      policyDecisionPoint: authzen.policyDecisionPoint,
    },
  );
}
