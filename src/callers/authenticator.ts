import type { AuthenticateCaller, Peer } from '../authorize/ports-callers.ts';
import type { Caller } from '../domain/caller.ts';
import { LOCAL_CALLER } from '../domain/caller.ts';
import { UnauthenticatedError } from '../domain/errors.ts';
import type { CertificateCaller } from './certificate-callers.ts';
import { createFindByCertificate } from './certificate-callers.ts';
import type { FindByToken } from './token-callers.ts';
import { parseBearerToken } from './token-callers.ts';

export interface AuthenticatorDeps {
  /** The tokens as they are now. Absent: tokens are not configured, and no header is looked at. */
  readonly tokens?: () => FindByToken;
}

export interface AuthenticatorOptions {
  readonly certificateCallers: readonly CertificateCaller[];
  /** Whoever comes through the unix socket without a token. */
  readonly socketCaller: Caller;
}

/**
 * Tells who asks: by the token if the call brings one, else by what the connection proves (a certificate, the socket's
 * file). A credential that is there and wrong is refused, and never falls back to a weaker one. Where neither tokens nor
 * certificates are configured, whoever reaches the listener is `LOCAL_CALLER`: configuration allows that on loopback only.
 */
export function createAuthenticator(
  { tokens }: AuthenticatorDeps,
  { certificateCallers, socketCaller }: AuthenticatorOptions,
): AuthenticateCaller {
  const isConfigured = tokens !== undefined || certificateCallers.length > 0;
  const findByCertificate = createFindByCertificate(certificateCallers);
  /** Callers of certificates never change, and a connection never changes its certificate. */
  const known = new WeakMap<Peer, Caller>();

  function byConnection(peer: Peer): Caller {
    switch (peer.kind) {
      case 'socket':
        return socketCaller;
      case 'anonymous':
        if (isConfigured) throw new UnauthenticatedError('no_credentials');
        return LOCAL_CALLER;
      case 'certificate': {
        const caller = known.get(peer) ?? findByCertificate(peer.subjectAltName);
        known.set(peer, caller);
        return caller;
      }
      default:
        return peer satisfies never;
    }
  }

  return (credentials) => {
    const header = tokens === undefined ? undefined : credentials.authorization();
    if (tokens === undefined || header === undefined) return byConnection(credentials.peer);
    const token = parseBearerToken(header);
    if (token === undefined) throw new UnauthenticatedError('malformed_token');
    const caller = tokens()(token);
    if (caller === undefined) throw new UnauthenticatedError('unknown_token');
    return caller;
  };
}
