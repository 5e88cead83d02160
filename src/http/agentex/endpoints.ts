import { parseJsonBody } from '../json-body.ts';
import type { Endpoint, ServedEndpoint } from '../endpoint.ts';
import type { AgentexAnswer } from './answers.ts';
import { toAnswer, toErrorAnswer } from './answers.ts';
import type { AgentexDeps, AgentexOptions, AgentexProcedure } from './procedures.ts';
import {
  authnProcedure,
  checkProcedure,
  deregisterProcedure,
  grantProcedure,
  registerProcedure,
  revokeProcedure,
  searchProcedure,
} from './procedures.ts';

/** Serves an endpoint, whatever its types. */
type Serve = <Request, Answer>(endpoint: Endpoint<Request, Answer>) => ServedEndpoint;

/** What all calls of the contract have in common. The client's own `authorization` comes to authn. */
const COMMON = { method: 'POST', callerTokenHeader: 'taskgate-authorization', toAnswer, toErrorAnswer } as const;

/** The contract of an auth provider for AgentEx (`AGENTEX_AUTH_URL`). */
export function createAgentexEndpoints(
  serve: Serve,
  deps: AgentexDeps,
  options: AgentexOptions & {
    /** With the client's API key, in lower case. */
    readonly apiKeyHeader: string;
  },
): readonly ServedEndpoint[] {
  const post = (path: string, procedure: AgentexProcedure): ServedEndpoint =>
    serve<Parameters<AgentexProcedure['handle']>[0], AgentexAnswer>({
      ...COMMON,
      path,
      procedure,
      readsBody: true,
      parse: parseJsonBody,
    });
  return [
    serve({
      ...COMMON,
      path: '/v1/authn',
      procedure: authnProcedure(deps),
      readsBody: false,
      parse: ({ headersDistinct }) => ({
        authorization: headersDistinct['authorization'] ?? [],
        apiKey: headersDistinct[options.apiKeyHeader] ?? [],
      }),
    }),
    post('/v1/authz/check', checkProcedure(deps)),
    post('/v1/authz/search', searchProcedure(deps, options)),
    post('/v1/authz/grant', grantProcedure(deps)),
    post('/v1/authz/revoke', revokeProcedure(deps)),
    post('/v1/authz/register', registerProcedure(deps)),
    post('/v1/authz/deregister', deregisterProcedure(deps)),
  ];
}
