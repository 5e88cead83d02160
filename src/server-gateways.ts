// The part of the composition that is the gateways'.
import { createAuthorizeRequest } from './authorize/authorize-request.ts';
import type { CheckTask } from './authorize/check-task.ts';
import type { AuthorizeRequest, GatewayDoor, GatewayObserver, IdentifyPrincipal } from './authorize/ports-gateway.ts';
import type { Config } from './config/config.ts';
import type { createServeEndpoint, ServedEndpoint } from './http/endpoint.ts';
import { createForwardAuth } from './http/forward-auth/forward-auth.ts';
import { createFindRoute } from './routes/find-route.ts';

export interface GatewayDeps {
  readonly checkTask: CheckTask;
  readonly identify: IdentifyPrincipal;
  readonly observe: (door: GatewayDoor) => GatewayObserver;
}

/** What one door needs. */
export interface GatewayPart {
  readonly authorizeRequest: AuthorizeRequest;
  readonly observer: GatewayObserver;
}

export type Gateway = (door: GatewayDoor) => GatewayPart;

/** What decides the requests of gateways; undefined where neither a route nor a principal is configured. */
export function createGateway({ observe, ...deps }: GatewayDeps, { gateway, principals }: Config): Gateway | undefined {
  const { routes, basePath } = gateway;
  if (routes.length === 0 && principals.gateway.from.length === 0) return undefined;
  const findRoute = createFindRoute(routes, { basePath });
  return (door) => {
    const observer = observe(door);
    return { authorizeRequest: createAuthorizeRequest({ ...deps, findRoute, observer }), observer };
  };
}

/** Envoy's service, where it is served. Its messages are loaded only then: they are 2 MB of descriptors. */
export async function openExtAuthz(ask: Gateway | undefined, { gateway }: Config) {
  const { identityHeaders, extAuthz } = gateway;
  if (ask === undefined || !extAuthz.enabled) return {};
  const { createExtAuthzProcedure } = await import('./rpc/ext-authz/check-procedure.ts');
  return { extAuthz: createExtAuthzProcedure(ask('ext_authz'), { ...extAuthz, identityHeaders }) };
}

/** The door for gateways that ask over HTTP, where it is configured. */
export function createForwardAuthDoor(
  {
    serve,
    ask,
  }: {
    readonly serve: ReturnType<typeof createServeEndpoint>;
    readonly ask: Gateway | undefined;
  },
  { gateway: { forwardAuth, identityHeaders } }: Config,
): readonly ServedEndpoint[] {
  if (ask === undefined || forwardAuth === undefined) return [];
  return [serve(createForwardAuth(ask('forward_auth'), { ...forwardAuth, identityHeaders }))];
}
