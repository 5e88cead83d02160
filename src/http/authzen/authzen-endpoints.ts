import type { createServeEndpoint, ServedEndpoint } from '../endpoint.ts';
import type { AuthzenDeps, AuthzenOptions } from './authzen-apis.ts';
import {
  createActionSearchApi,
  createEvaluationApi,
  createEvaluationsApi,
  createResourceSearchApi,
  createSubjectSearchApi,
} from './authzen-apis.ts';
import { createAuthzenEndpoint } from './authzen-endpoint.ts';
import { createMetadataEndpoint } from './metadata.ts';

/** The AuthZEN Authorization API 1.0 (https://openid.net/specs/authorization-api-1_0.html), all of it. */
export function createAuthzenEndpoints(
  deps: AuthzenDeps & { readonly serve: ReturnType<typeof createServeEndpoint> },
  options: AuthzenOptions & {
    /** The base URL; undefined: no metadata. */
    readonly policyDecisionPoint: string | undefined;
  },
): readonly ServedEndpoint[] {
  const { serve } = deps;
  const { policyDecisionPoint } = options;
  return [
    serve(createAuthzenEndpoint(createEvaluationApi(deps))),
    serve(createAuthzenEndpoint(createEvaluationsApi(deps, options))),
    serve(createAuthzenEndpoint(createSubjectSearchApi(deps, options))),
    serve(createAuthzenEndpoint(createResourceSearchApi(deps, options))),
    serve(createAuthzenEndpoint(createActionSearchApi(deps, options))),
    ...(policyDecisionPoint === undefined ? [] : [createMetadataEndpoint(policyDecisionPoint)]),
  ];
}
