// The part of the composition that is the gateways'.
import { createAuthorizeRequest } from './authorize/authorize-request.ts';
import type { CheckTask } from './authorize/check-task.ts';
import type { AuthorizeRequest, GatewayObserver, IdentifyPrincipal } from './authorize/ports-gateway.ts';
import type { Config } from './config/config.ts';
import type { createServeEndpoint, ServedEndpoint } from './http/endpoint.ts';
import { createForwardAuth } from './http/forward-auth/forward-auth.ts';
import { createFindRoute } from './routes/find-route.ts';
import { createExtAuthzProcedure } from './rpc/ext-authz/check-procedure.ts';

export interface GatewayDeps {
  readonly checkTask: CheckTask;
  readonly identify: IdentifyPrincipal;
  readonly observer: GatewayObserver;
}

/** What decides the requests of gateways; undefined where neither a route nor a principal is configured. */
export function createGateway(deps: GatewayDeps, { gateway, principals }: Config): AuthorizeRequest | undefined {
  const { routes, basePath } = gateway;
  if (routes.length === 0 && principals.gateway.from.length === 0) return undefined;
  return createAuthorizeRequest({ ...deps, findRoute: createFindRoute(routes, { basePath }) });
}

/** Envoy's service, where it is served. */
export function toExtAuthz(authorizeRequest: AuthorizeRequest | undefined, { gateway }: Config) {
  const { identityHeaders, extAuthz } = gateway;
  if (authorizeRequest === undefined || !extAuthz.enabled) return {};
  return { extAuthz: createExtAuthzProcedure({ authorizeRequest }, { ...extAuthz, identityHeaders }) };
}

/** The door for gateways that ask over HTTP, where it is configured. */
export function createForwardAuthDoor(
  {
    serve,
    authorizeRequest,
  }: {
    readonly serve: ReturnType<typeof createServeEndpoint>;
    readonly authorizeRequest: AuthorizeRequest | undefined;
  },
  { gateway: { forwardAuth, identityHeaders } }: Config,
): readonly ServedEndpoint[] {
  if (authorizeRequest === undefined || forwardAuth === undefined) return [];
  return [serve(createForwardAuth({ authorizeRequest }, { ...forwardAuth, identityHeaders }))];
}
