import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { RequestHandler } from './http-server.ts';

/**
 * Who may ask what is for operators.
 * - `open`: whoever is on this machine, as long as it is no page of another site in somebody's browser.
 * - `token`: who has a token with the permission `admin`.
 * - `off`: nobody, since the listener can be reached from elsewhere and nobody could prove who asks.
 */
export type AdminAccess = 'open' | 'token' | 'off';

export interface AdminGuardOptions {
  readonly access: AdminAccess;
  /** What the paths begin with that are called by scripts, and so never from another site. */
  readonly rpcPrefix: string;
  /** The page and what is below it. */
  readonly consolePath: string;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
const HOST = /^(?:\[(?<ipv6>[0-9a-f:.]+)\]|(?<name>[^[\]:]+))(?::\d{1,5})?$/i;

/**
 * Stands before what is for operators, and lets the probes by. A browser on the same machine can be made to ask by any
 * page: under another name that resolves to loopback (so the name must be one of loopback), or across sites (so the
 * origin, where it is said, must be ours).
 */
export function createAdminGuard(
  { operators, probes }: { readonly operators: RequestHandler; readonly probes: RequestHandler },
  { access, rpcPrefix, consolePath }: AdminGuardOptions,
): RequestHandler {
  const refusalOf = (request: IncomingMessage, isRpc: boolean): string | undefined => {
    if (access === 'off') return 'only on loopback, or with authentication.tokens_file';
    if (access === 'open' && !isLoopbackHost(request.headers.host)) return 'only under a name of loopback';
    return isRpc && !isOwnOrigin(request) ? 'not from another site' : undefined;
  };
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const isRpc = path.startsWith(rpcPrefix);
    if (!isRpc && path !== consolePath && !path.startsWith(`${consolePath}/`)) {
      probes(request, response);
      return;
    }
    const refusal = refusalOf(request, isRpc);
    if (refusal === undefined) {
      operators(request, response);
      return;
    }
    response.writeHead(403, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify({ code: 'permission_denied', message: refusal })}\n`);
  };
}

function isLoopbackHost(host: string | undefined): boolean {
  const { ipv6, name } = HOST.exec(host ?? '')?.groups ?? {};
  if (ipv6 !== undefined) return isIPv6(ipv6) && loopback.check(ipv6, 'ipv6');
  if (name === undefined) return false;
  return name.toLowerCase() === 'localhost' || (isIPv4(name) && loopback.check(name, 'ipv4'));
}

/** What is no browser says neither. */
function isOwnOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin, host } = headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
}
