import type { GatewayRequest } from '../../authorize/ports-gateway.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';

/** The headers in which a gateway says what it was asked. */
export interface RequestHeaderNames {
  readonly method: string;
  readonly target: string;
}

/** `forwarded`: Caddy, Traefik, APISIX. `original`: nginx. */
export type RequestHeaders = 'forwarded' | 'original';

export const REQUEST_HEADERS: Readonly<Record<RequestHeaders, RequestHeaderNames>> = {
  forwarded: { method: 'x-forwarded-method', target: 'x-forwarded-uri' },
  original: { method: 'x-original-method', target: 'x-original-uri' },
};

/** RFC 9110 `token`; longer ones are no method that anybody has. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** A path and a query (RFC 9112 `origin-form`) in visible ASCII; what they say is for the route table. */
const TARGET = /^\/[\x21-\x7e]*$/;

/**
 * Method and target of the request that a gateway asks about.
 *
 * A header that comes twice, or that says something else under the other name, may be the client's own beside the
 * gateway's: it is not known which is which.
 *
 * @throws InvalidArgumentError
 */
export function parseAskedRequest(
  headers: GatewayRequest['headers'],
  from: RequestHeaders,
): Pick<GatewayRequest, 'method' | 'target'> {
  const names = REQUEST_HEADERS[from];
  const others = REQUEST_HEADERS[from === 'forwarded' ? 'original' : 'forwarded'];
  return {
    method: parseOne(headers, names.method, others.method, METHOD),
    target: parseOne(headers, names.target, others.target, TARGET),
  };
}

function parseOne(headers: GatewayRequest['headers'], name: string, otherName: string, form: RegExp): string {
  const values = headers.get(name);
  const value = values?.[0];
  if (value === undefined) throw new InvalidArgumentError(name, 'is missing');
  if (values !== undefined && values.length > 1) throw new InvalidArgumentError(name, 'comes more than once');
  if (headers.get(otherName)?.some((other) => other !== value) === true) {
    throw new InvalidArgumentError(name, `is not what ${otherName} says`);
  }
  if (!form.test(value)) throw new InvalidArgumentError(name, 'is not in its form');
  return value;
}
