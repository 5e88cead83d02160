import type { CallContext } from '../authorize/ports.ts';
import type {
  AuthenticateHeaders,
  PrincipalObserver,
  PrincipalRefusal,
  ProvedPrincipal,
} from '../authorize/ports-principals.ts';
import type { FindByToken } from '../callers/token-callers.ts';
import type { KeyedPrincipal } from './api-keys.ts';
import { parseBearer } from './bearer.ts';
import type { VerifyJwt } from './verify-jwt.ts';

export interface AuthenticateHeadersDeps {
  /** Absent: no issuer is configured, and no token proves anybody. */
  readonly verifyJwt?: VerifyJwt | undefined;
  /** The keys as they are now. Absent: none are configured. */
  readonly apiKeys?: (() => FindByToken<KeyedPrincipal>) | undefined;
  readonly observer: Pick<PrincipalObserver, 'proved'>;
}

/** What an API key may look like: it is random, in base64 or hex. */
const API_KEY = /^[A-Za-z0-9\-._~+/]{16,512}=*$/;

export function createAuthenticateHeaders({
  verifyJwt,
  apiKeys,
  observer,
}: AuthenticateHeadersDeps): AuthenticateHeaders {
  const byKey = (key: string): ProvedPrincipal => {
    if (!API_KEY.test(key)) return refused('malformed');
    const found = apiKeys?.()(key);
    return found === undefined ? refused('unknown_key') : { kind: 'principal', principal: found.principal };
  };
  const byToken = async (header: string, context: CallContext): Promise<ProvedPrincipal> => {
    const token = parseBearer(header);
    if (token === undefined) return refused('malformed');
    return verifyJwt === undefined ? refused('unknown_issuer') : verifyJwt(token, context);
  };
  return async ({ authorization, apiKey }, context) => {
    const [token] = authorization;
    const [key] = apiKey;
    if (authorization.length + apiKey.length > 1) {
      // Two are two principals until somebody proves that they are one; nobody needs both.
      observer.proved(token === undefined ? 'api_key' : 'jwt', 'two_credentials');
      return refused('two_credentials');
    }
    if (key !== undefined) return told('api_key', byKey(key));
    if (token !== undefined) return told('jwt', await byToken(token, context));
    return refused('no_credentials');
  };

  function told(source: 'jwt' | 'api_key', proved: ProvedPrincipal): ProvedPrincipal {
    observer.proved(source, proved.kind === 'principal' ? 'ok' : proved.reason);
    return proved;
  }
}

function refused(reason: PrincipalRefusal): ProvedPrincipal {
  return { kind: 'refused', reason };
}
