import type { DenialKind } from '../../authorize/gateway-denials.ts';
import { GATEWAY_DENIALS } from '../../authorize/gateway-denials.ts';
import type { IdentityHeaderNames } from '../../authorize/identity-headers.ts';
import { createIdentityHeaders, DEFAULT_IDENTITY_HEADERS } from '../../authorize/identity-headers.ts';
import type {
  AuthorizeRequest,
  GatewayAnswer,
  GatewayObserver,
  GatewayRequest,
} from '../../authorize/ports-gateway.ts';
import type { TaskgateError } from '../../domain/errors.ts';
import {
  CallerPermissionError,
  InvalidArgumentError,
  toTaskgateError,
  UnauthenticatedError,
} from '../../domain/errors.ts';
import { createClientHeaders } from '../client-headers.ts';
import type { Endpoint, HttpAnswer } from '../endpoint.ts';
import type { RequestHeaders } from './asked-request.ts';
import { parseAskedRequest } from './asked-request.ts';

export const FORWARD_AUTH_PATH = '/forward-auth';

export interface ForwardAuthOptions {
  /** Where the gateway says what it was asked. */
  readonly requestHeaders: RequestHeaders;
  /**
   * 403 is for gateways that take no other denial but 401 (nginx): it is then the status of what is denied or absent, and
   * of what is malformed, too.
   */
  readonly deniedStatus: 403 | 404;
  /** Default: `DEFAULT_IDENTITY_HEADERS`. */
  readonly identityHeaders?: IdentityHeaderNames;
}

const CALLER_TOKEN_HEADER = 'taskgate-authorization';
const NOT_KEPT = { 'cache-control': 'no-store' };
const JSON_HEADERS = { 'content-type': 'application/json', ...NOT_KEPT };
const COULD_NOT_TELL: HttpAnswer = { status: 503, headers: JSON_HEADERS, body: '{"error":"unavailable"}' };
/** The gateway itself may not ask: neither 401 nor 403, which a gateway takes for an answer about its client. */
const NOT_FOR_THIS_GATEWAY: HttpAnswer = { status: 500, headers: JSON_HEADERS, body: '{"error":"misconfigured"}' };

/**
 * The door of gateways that ask about each request in a request of its own (nginx `auth_request`, Caddy, Traefik, APISIX,
 * HAProxy): exactly 200 is an allow. It has every identity header, also where there is nothing to say, since a gateway
 * that copies only what comes would let the client's own through (GHSA-7r4p-vjf4-gxv4).
 */
export function createForwardAuth(
  {
    authorizeRequest,
    observer,
  }: {
    readonly authorizeRequest: AuthorizeRequest;
    /** Told of what is not even asked of `authorizeRequest`. Default: nobody. */
    readonly observer?: GatewayObserver;
  },
  { requestHeaders, deniedStatus, identityHeaders = DEFAULT_IDENTITY_HEADERS }: ForwardAuthOptions,
): Endpoint<GatewayRequest, GatewayAnswer> {
  const toIdentityHeaders = createIdentityHeaders(identityHeaders);
  const denials = toDenials(deniedStatus);
  return {
    method: 'any',
    path: FORWARD_AUTH_PATH,
    callerTokenHeader: CALLER_TOKEN_HEADER,
    readsBody: false,
    procedure: { name: 'forward_auth', permission: 'check', handle: authorizeRequest },
    parse(request) {
      const headers = createClientHeaders(request, { except: CALLER_TOKEN_HEADER });
      try {
        return { ...parseAskedRequest(headers, requestHeaders), headers, body: { kind: 'unknown' } };
      } catch (error) {
        observer?.failed(undefined, toTaskgateError(error));
        throw error;
      }
    },
    toAnswer(answer) {
      if (answer.kind !== 'allowed') return denials[answer.kind];
      return { status: 200, headers: NOT_KEPT, moreHeaders: toIdentityHeaders(answer) };
    },
    toErrorAnswer: (error) => toErrorAnswer(error, denials),
  };
}

type Denials = Readonly<Record<DenialKind, HttpAnswer>>;

function toErrorAnswer(error: TaskgateError, { malformed }: Denials): HttpAnswer {
  if (error instanceof InvalidArgumentError) return malformed;
  const isAboutTheCaller = error instanceof UnauthenticatedError || error instanceof CallerPermissionError;
  return isAboutTheCaller ? NOT_FOR_THIS_GATEWAY : COULD_NOT_TELL;
}

/** Made once: they hold nothing of a request. */
function toDenials(deniedStatus: ForwardAuthOptions['deniedStatus']): Denials {
  const toAnswer = (kind: DenialKind): HttpAnswer => {
    const { status, headers, body } = GATEWAY_DENIALS[kind];
    return { status, headers: Object.fromEntries(headers), body };
  };
  const notFound = { ...toAnswer('not_found'), status: deniedStatus };
  return {
    not_found: notFound,
    forbidden: toAnswer('forbidden'),
    unauthenticated: toAnswer('unauthenticated'),
    malformed: deniedStatus === 403 ? notFound : toAnswer('malformed'),
  };
}
