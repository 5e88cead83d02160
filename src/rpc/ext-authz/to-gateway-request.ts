import type { GatewayBody, GatewayRequest } from '../../authorize/ports-gateway.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { CheckAttributes } from './read-check-request.ts';
import { readCheckRequest } from './read-check-request.ts';
import type { ClaimsObject } from './read-struct.ts';
import { readStruct } from './read-struct.ts';

export interface ToGatewayRequestOptions {
  /** Envoy's filter whose metadata holds the claims that it proved, such as `envoy.filters.http.jwt_authn`. */
  readonly metadataFilter: string;
  /** The key in that metadata under which the claims are: the filter's `payload_in_metadata`. */
  readonly claimsKey: string;
  /** Envoy sends bodies (`with_request_body`): a request that comes without one has none. */
  readonly sendsBodies: boolean;
}

/** A request that can be decided, or one of the client's that can only be denied. */
export type ReadGatewayRequest =
  | { readonly kind: 'request'; readonly request: GatewayRequest }
  /** `problem` is safe to log, and holds nothing of the request. */
  | { readonly kind: 'malformed'; readonly problem: string };

/** What Envoy adds itself where it sends a body, and takes away from clients. */
const PARTIAL_BODY = 'x-envoy-auth-partial-body';
const REPLACED = '\uFFFD';
const HEADER_NAME = /^[!-~]+$/;
const UNKNOWN: GatewayBody = { kind: 'unknown' };
const CUT: GatewayBody = { kind: 'cut' };
const NO_BODY: GatewayBody = { kind: 'bytes', bytes: Buffer.alloc(0) };
const NO_HEADERS: readonly string[] = [];

/**
 * Reads what Envoy describes. What only Envoy can have done wrong is an error; what a client can bring about is malformed,
 * and thereby denied, because an Envoy with `failure_mode_allow` lets errors pass.
 *
 * @throws InvalidArgumentError if the bytes are no CheckRequest, or it describes no HTTP request.
 */
export function toGatewayRequest(bytes: Uint8Array, options: ToGatewayRequestOptions): ReadGatewayRequest {
  const attributes = readAttributes(bytes, options);
  if (!attributes.hasHttp) throw new InvalidArgumentError('attributes.request.http', 'is required');
  const { method, path } = attributes;
  if (attributes.headerMap !== undefined && attributes.headers.length > 0) return malformed('headers in two ways');
  // What the application gets is in the raw bytes of a header; here would be what Envoy made of it.
  if (path.includes(REPLACED)) return malformed('the path is not UTF-8');
  const headers = new Map<string, string[]>();
  for (const [name, value] of attributes.headerMap ?? attributes.headers) {
    if (name.startsWith(':')) {
      if (name === ':path' && value !== path) return malformed('two paths');
      if (name === ':method' && value !== method) return malformed('two methods');
      continue;
    }
    // Lower case is defined for ASCII; some letters beyond it become ASCII.
    if (!HEADER_NAME.test(name)) return malformed('the name of a header is none');
    const key = name.toLowerCase();
    const values = headers.get(key);
    if (values === undefined) headers.set(key, [value]);
    else values.push(value);
  }
  const { body, rawBody } = attributes;
  if (body.length > 0 && rawBody.length > 0) return malformed('two bodies');
  const claims = readClaims(attributes, options);
  if (claims.kind === 'malformed') return claims;
  return {
    kind: 'request',
    request: {
      method,
      target: path,
      headers,
      body: toBody(attributes, headers.get(PARTIAL_BODY) ?? NO_HEADERS, options),
      ...(claims.claims === undefined ? {} : { claims: claims.claims }),
      ...(attributes.extensions.length === 0 ? {} : { extensions: new Map(attributes.extensions) }),
    },
  };
}

function readAttributes(bytes: Uint8Array, { metadataFilter }: ToGatewayRequestOptions): CheckAttributes {
  try {
    return readCheckRequest(bytes, metadataFilter);
  } catch (cause) {
    throw new InvalidArgumentError('request', 'is not a valid envoy.service.auth.v3.CheckRequest', { cause });
  }
}

/** Anything but a body that is surely whole is cut. */
function toBody(
  { body, rawBody, size }: CheckAttributes,
  partial: readonly string[],
  { sendsBodies }: ToGatewayRequestOptions,
): GatewayBody {
  if (partial.some((value) => value !== 'false')) return CUT;
  const bytes = rawBody.length > 0 ? rawBody : body;
  if (bytes.length > 0) return size > bytes.length ? CUT : { kind: 'bytes', bytes };
  if (!sendsBodies && partial.length === 0) return UNKNOWN;
  return size > 0 ? CUT : NO_BODY;
}

type ReadClaims =
  | { readonly kind: 'claims'; readonly claims: ClaimsObject | undefined }
  | Extract<ReadGatewayRequest, { kind: 'malformed' }>;

const NO_CLAIMS: ReadClaims = { kind: 'claims', claims: undefined };

function readClaims({ metadata }: CheckAttributes, { claimsKey }: ToGatewayRequestOptions): ReadClaims {
  if (metadata === undefined) return NO_CLAIMS;
  let claims: unknown;
  try {
    claims = readStruct(metadata)[claimsKey];
  } catch {
    // Who signs tokens may let their bearers say what is in them.
    return malformed('the metadata of the token is no struct');
  }
  if (claims === undefined) return NO_CLAIMS;
  return isObject(claims) ? { kind: 'claims', claims } : malformed('the claims are no object');
}

function isObject(value: unknown): value is ClaimsObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(problem: string): Extract<ReadGatewayRequest, { kind: 'malformed' }> {
  return { kind: 'malformed', problem };
}
