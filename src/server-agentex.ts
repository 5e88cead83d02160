// The part of the composition that is AgentEx's.
import type { Clock, DecisionLog } from './authorize/ports.ts';
import type { PrincipalObserver } from './authorize/ports-principals.ts';
import type { Config } from './config/config.ts';
import { createGrantOwnRole, createRevokeOwnRole } from './http/agentex/change-own-role.ts';
import { createAgentexEndpoints } from './http/agentex/endpoints.ts';
import type { createServeEndpoint, ServedEndpoint } from './http/endpoint.ts';
import type { Principals } from './principals/open-principals.ts';
import { createSignedPrincipals } from './principals/signed-principal.ts';
import type { ProcedureDeps } from './rpc/procedures.ts';
import { toIsEnforced } from './server-options.ts';

export interface AgentexDeps extends Omit<ProcedureDeps, 'cursors'> {
  readonly serve: ReturnType<typeof createServeEndpoint>;
  readonly clock: Clock;
  readonly principals: Principals;
  readonly observer: PrincipalObserver;
  readonly decisionLog: DecisionLog;
}

/** None where it is not configured. */
export function createAgentex(
  { serve, clock, principals, ...useCases }: AgentexDeps,
  { agentex }: Config,
): readonly ServedEndpoint[] {
  if (agentex === undefined) return [];
  return createAgentexEndpoints(
    serve,
    {
      ...useCases,
      authenticate: principals.authenticate,
      principals: createSignedPrincipals({ clock }, { keyRing: agentex.signingKeys, ttlMs: agentex.principalTtlMs }),
      isEnforced: toIsEnforced(agentex),
      grantOwnRole: createGrantOwnRole(useCases),
      revokeOwnRole: createRevokeOwnRole(useCases),
    },
    agentex,
  );
}
