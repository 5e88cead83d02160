// The part of the composition that is AgentEx's.
import type { Clock } from './authorize/ports.ts';
import type { PrincipalObserver } from './authorize/ports-principals.ts';
import type { RolloutGates, RolloutObserver } from './authorize/ports-rollout.ts';
import type { Config } from './config/config.ts';
import { createGrantOwnRole, createRevokeOwnRole } from './http/agentex/change-own-role.ts';
import { createAgentexEndpoints } from './http/agentex/endpoints.ts';
import { letPassUnenforced } from './http/agentex/let-pass-unenforced.ts';
import type { createServeEndpoint, ServedEndpoint } from './http/endpoint.ts';
import type { Principals } from './principals/open-principals.ts';
import { createSignedPrincipals } from './principals/signed-principal.ts';
import type { ProcedureDeps } from './rpc/procedures.ts';

export interface AgentexDeps extends Omit<ProcedureDeps, 'cursors'> {
  readonly serve: ReturnType<typeof createServeEndpoint>;
  readonly clock: Clock;
  readonly principals: Principals;
  readonly observer: PrincipalObserver;
  readonly gating: { readonly gates: RolloutGates; readonly observer: RolloutObserver };
}

/** None where it is not configured. */
export function createAgentex(
  { serve, clock, principals, gating, ...useCases }: AgentexDeps,
  { agentex }: Config,
): readonly ServedEndpoint[] {
  if (agentex === undefined) return [];
  // The roles are changed by the writes as they are: a refusal there may mean that something is to be registered.
  const roles = { grantOwnRole: createGrantOwnRole(useCases), revokeOwnRole: createRevokeOwnRole(useCases) };
  return createAgentexEndpoints(
    serve,
    {
      ...useCases,
      ...letPassUnenforced({ registerResource: useCases.registerResource, ...roles }, gating),
      authenticate: principals.authenticate,
      principals: createSignedPrincipals({ clock }, { keyRing: agentex.signingKeys, ttlMs: agentex.principalTtlMs }),
    },
    agentex,
  );
}
