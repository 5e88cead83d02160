import type { GatewayRequest } from '../authorize/ports-gateway.ts';
import type { ProvedPrincipal } from '../authorize/ports-principals.ts';
import type { IdField } from './to-principal.ts';
import { toPrincipal } from './to-principal.ts';

/** The headers that a gateway sets, in lower case. */
export type HeaderNames = Readonly<Record<IdField | 'account_id', string>>;

/** No comma: it is what proxies join repeated headers with. No space at either end is left by HTTP itself. */
const ONE_VALUE = /^[\x21-\x2b\x2d-\x7e](?:[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e])?$/;

/**
 * Takes the principal from headers: only where nobody but a gateway can set them. A header that is empty counts as none,
 * since that is how some gateways clear one.
 *
 * @returns undefined if none of the headers is there.
 */
export function createTrustedHeaders(names: HeaderNames) {
  const fields = Object.entries(names);
  return ({ headers }: Pick<GatewayRequest, 'headers'>): ProvedPrincipal | undefined => {
    const found: Record<string, string> = {};
    for (const [field, name] of fields) {
      const values = headers.get(name);
      if (values === undefined || values.every((value) => value === '')) continue;
      const [value = '', ...others] = values;
      if (others.length > 0 || !ONE_VALUE.test(value)) return { kind: 'refused', reason: 'malformed' };
      found[field] = value;
    }
    return Object.keys(found).length === 0 ? undefined : toPrincipal(found);
  };
}
