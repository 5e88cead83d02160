import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { AskedBy, CallContext } from './ports.ts';

/** A request of somebody to the application, as a gateway describes it. All of it is from outside. */
export interface GatewayRequest {
  /** Such as `GET`; compared as it is. */
  readonly method: string;
  /** Path and query as they were sent: not decoded, not normalised. */
  readonly target: string;
  readonly headers: ClientHeaders;
  readonly body: GatewayBody;
  /** What the gateway itself proved of a token: claims, by the gateway's own name for them. Never from the client. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What the gateway's configuration says of the route it took. Never from the client. */
  readonly extensions?: ReadonlyMap<string, string>;
}

export interface ClientHeaders {
  /** All values in their order, by the name in lower case; undefined if there is none. */
  get(name: string): readonly string[] | undefined;
}

/** The body, if the gateway sends it. */
export type GatewayBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The gateway sent a part of it. */
  | { readonly kind: 'cut' }
  /** The gateway sends no bodies. */
  | { readonly kind: 'unknown' };

/** What the route table says of a request. */
export type RouteMatch =
  | {
      readonly kind: 'check';
      readonly check: TaskCheck;
      /** Whatever is here must hold too. */
      readonly also?: readonly TaskCheck[];
      /** The route's own name, for the log and counters: a closed set. */
      readonly route: string;
    }
  /** Allowed to everybody, whoever they are. */
  | { readonly kind: 'public'; readonly route: string }
  /** Allowed to every principal that is identified: the application itself filters what it answers with. */
  | { readonly kind: 'authenticated'; readonly route: string }
  /** No route: denied, as what does not exist. */
  | { readonly kind: 'none' }
  /** There is a route, and the request does not say what it needs: denied. `problem` is safe to log, not to send. */
  | { readonly kind: 'malformed'; readonly route: string; readonly problem: string };

export type FindRoute = (request: GatewayRequest) => RouteMatch;

export type IdentifiedPrincipal =
  | { readonly kind: 'principal'; readonly principal: Principal }
  /** None, two that disagree, or one that is not proved. `reason` is from a closed set of words. */
  | { readonly kind: 'unauthenticated'; readonly reason: string };

/**
 * Finds out on whose behalf a request is made.
 *
 * @throws TaskgateError when it is not known, such as when the keys of an issuer can't be fetched.
 */
export type IdentifyPrincipal = (
  request: Pick<GatewayRequest, 'headers' | 'claims'>,
  context: CallContext,
) => IdentifiedPrincipal | Promise<IdentifiedPrincipal>;

/** What a gateway is told. Could-not-tell is thrown. */
export type GatewayAnswer =
  /** `principal` is undefined for a public route. */
  | { readonly kind: 'allowed'; readonly principal: Principal | undefined; readonly taskId?: string }
  /** Denied, absent, or no such route: one answer. */
  | { readonly kind: 'not_found' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'malformed' };

/** What became of one request: the route is from a closed set, the reason is safe to log. */
export interface GatewayEvent {
  /** `malformed` without a route: what the gateway says can't be read. */
  readonly match: RouteMatch | { readonly kind: 'malformed'; readonly problem: string };
  readonly answer: GatewayAnswer['kind'];
  /** Why it is unauthenticated, or malformed. */
  readonly reason?: string | undefined;
}

/** Where gateways ask: a closed set. */
export type GatewayDoor = 'ext_authz' | 'forward_auth';

/** Told what the gateways at one door are told, once for each request. Never throws and never waits. */
export interface GatewayObserver {
  answered(event: GatewayEvent): void;
  /** Nothing could be told of the request; undefined: nor what it is about. */
  failed(match: RouteMatch | undefined, error: TaskgateError): void;
}

/**
 * Decides a request of a gateway; at once if nobody has to be asked.
 *
 * @throws TaskgateError when it could not be told.
 */
export type AuthorizeRequest = (
  request: GatewayRequest,
  call: AskedBy,
  context: CallContext,
) => GatewayAnswer | Promise<GatewayAnswer>;
