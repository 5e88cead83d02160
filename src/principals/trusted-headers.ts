import type { GatewayRequest } from '../authorize/ports-gateway.ts';
import type { ProvedPrincipal } from '../authorize/ports-principals.ts';
import type { IdField } from './to-principal.ts';
import { toPrincipal } from './to-principal.ts';

/** The headers that a gateway sets, in lower case. */
export type HeaderNames = Readonly<Record<IdField | 'account_id', string>>;

/** No comma: it is what proxies join repeated headers with. No space at either end is left by HTTP itself. */
const ONE_VALUE = /^[\x21-\x2b\x2d-\x7e](?:[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e])?$/;
const MALFORMED = Symbol('malformed');

/**
 * Takes the principal from headers: only where nobody but a gateway can set them. A header that is empty counts as none,
 * since that is how some gateways clear one.
 *
 * @returns undefined if none of the headers is there.
 */
export function createTrustedHeaders(names: HeaderNames) {
  return ({ headers }: Pick<GatewayRequest, 'headers'>): ProvedPrincipal | undefined => {
    const user = readOne(headers, names.user_id);
    const serviceAccount = readOne(headers, names.service_account_id);
    const agent = readOne(headers, names.agent_id);
    const account = readOne(headers, names.account_id);
    if (user === MALFORMED || serviceAccount === MALFORMED || agent === MALFORMED || account === MALFORMED) {
      return { kind: 'refused', reason: 'malformed' };
    }
    const isThere = user ?? serviceAccount ?? agent ?? account;
    if (isThere === undefined) return undefined;
    return toPrincipal({ user_id: user, service_account_id: serviceAccount, agent_id: agent, account_id: account });
  };
}

/** The one value of a header; undefined if there is none but empty ones. */
function readOne(headers: GatewayRequest['headers'], name: string): string | undefined | typeof MALFORMED {
  const values = headers.get(name);
  if (values === undefined || values.every((value) => value === '')) return undefined;
  const [value = ''] = values;
  return values.length > 1 || !ONE_VALUE.test(value) ? MALFORMED : value;
}
