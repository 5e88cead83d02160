import type { CallContext, Clock } from '../authorize/ports.ts';
import type { ReloadObserver } from '../authorize/ports-callers.ts';
import type { IdentifyPrincipal } from '../authorize/ports-gateway.ts';
import type { AuthenticateHeaders, PrincipalObserver, ProvedPrincipal } from '../authorize/ports-principals.ts';
import { openReloaded } from '../callers/reloaded-files.ts';
import type { FindByToken } from '../callers/token-callers.ts';
import { createFindByToken } from '../callers/token-callers.ts';
import type { KeyedPrincipal } from './api-keys.ts';
import { parseApiKeyFile } from './api-keys.ts';
import { createAuthenticateHeaders } from './authenticate-headers.ts';
import { parseBearer } from './bearer.ts';
import { fetchKeySet } from './fetch-key-set.ts';
import type { GatewaySource, ReadProof } from './identify-principal.ts';
import { createIdentifyPrincipal } from './identify-principal.ts';
import { parseKeySet } from './key-set.ts';
import type { ClaimMapping } from './map-claims.ts';
import { createMapClaims } from './map-claims.ts';
import { createRemoteKeys } from './remote-keys.ts';
import type { HeaderNames } from './trusted-headers.ts';
import { createTrustedHeaders } from './trusted-headers.ts';
import type { Issuer, VerifyJwt, VerifyJwtOptions } from './verify-jwt.ts';
import { createVerifyJwt } from './verify-jwt.ts';

/** An issuer as it is configured. */
export interface IssuerOptions extends Pick<Issuer, 'issuer' | 'audiences' | 'algorithms'> {
  readonly keys: { readonly kind: 'url'; readonly url: string } | { readonly kind: 'file'; readonly path: string };
  readonly claims: ClaimMapping;
}

export interface PrincipalsOptions extends Pick<VerifyJwtOptions, 'clockToleranceMs' | 'maxTokenBytes'> {
  readonly issuers: readonly IssuerOptions[];
  readonly keySets: {
    readonly timeoutMs: number;
    readonly maxAgeMs: number;
    readonly cooldownMs: number;
    readonly maxBytes: number;
  };
  readonly apiKeysFile?: string;
  readonly gateway: {
    /** In this order. Empty: nobody is ever identified. */
    readonly from: readonly GatewaySource[];
    readonly headers: HeaderNames;
    /** The header with the client's token. */
    readonly tokenHeader: string;
    /** Of the claims that the gateway itself has proved. */
    readonly claims?: ClaimMapping;
  };
  /** Milliseconds between two looks at the files. */
  readonly reloadIntervalMs: number;
}

export interface PrincipalsDeps {
  readonly clock: Clock;
  readonly readFile: (path: string) => Promise<string>;
  readonly reloads: ReloadObserver;
  readonly observer: PrincipalObserver;
}

/** Who principals are, by what their requests bring. */
export interface Principals extends AsyncDisposable {
  /** Of a request that a gateway asks about. */
  readonly identify: IdentifyPrincipal;
  /** Of a request whose headers are all from outside: a token or an API key, and never a trusted header. */
  readonly authenticate: AuthenticateHeaders;
}

/** The one composer of this folder. @throws Error if a file can't be used at first. */
export async function openPrincipals(deps: PrincipalsDeps, options: PrincipalsOptions): Promise<Principals> {
  await using opened = new AsyncDisposableStack();
  const files = { readFile: deps.readFile, observer: deps.reloads };
  const intervalMs = options.reloadIntervalMs;

  async function openKeys({ issuer, keys }: IssuerOptions): Promise<Pick<Issuer, 'findKey' | 'currentKeys'>> {
    if (keys.kind === 'file') {
      const parse = ([text = '']: readonly string[]) => parseKeySet(text);
      const { current } = opened.use(
        await openReloaded(files, { files: 'jwks', paths: [keys.path], parse, intervalMs }),
      );
      return { findKey: async (header, token) => current()(header, token), currentKeys: current };
    }
    const { timeoutMs, maxBytes } = options.keySets;
    const { url } = keys;
    return opened.use(
      createRemoteKeys(
        {
          clock: deps.clock,
          fetchKeys: async (signal) => fetchKeySet({ url, timeoutMs, maxBytes }, signal),
          onFault: (error) => deps.observer.keysFailed(issuer, error),
        },
        options.keySets,
      ),
    );
  }

  const issuers: Issuer[] = [];
  for (const issuer of options.issuers) {
    issuers.push({ ...issuer, ...(await openKeys(issuer)), mapClaims: createMapClaims(issuer.claims) });
  }
  const verifyJwt = issuers.length === 0 ? undefined : createVerifyJwt(deps, { ...options, issuers });
  let apiKeys: (() => FindByToken<KeyedPrincipal>) | undefined;
  if (options.apiKeysFile !== undefined) {
    const paths = [options.apiKeysFile];
    const parse = ([text = '']: readonly string[]) => toFindByKey(text);
    apiKeys = opened.use(await openReloaded(files, { files: 'api_keys', paths, parse, intervalMs })).current;
  }
  const kept = opened.move();
  return {
    identify: createIdentifyPrincipal(
      deps,
      options.gateway.from.map((source) => ({ source, read: toReadProof(source, options.gateway, verifyJwt) })),
    ),
    authenticate: createAuthenticateHeaders({ verifyJwt, apiKeys, observer: deps.observer }),
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function toReadProof(
  source: GatewaySource,
  { headers, tokenHeader, claims }: PrincipalsOptions['gateway'],
  verifyJwt: VerifyJwt | undefined,
): ReadProof {
  switch (source) {
    case 'headers':
      return createTrustedHeaders(headers);
    case 'claims': {
      const mapClaims = claims === undefined ? refuseAll : createMapClaims(claims);
      return (request) => (request.claims === undefined ? undefined : mapClaims(request.claims));
    }
    case 'jwt':
      return (request, context) => readToken(request.headers.get(tokenHeader), verifyJwt, context);
    default:
      return source satisfies never;
  }
}

function readToken(
  values: readonly string[] | undefined,
  verifyJwt: VerifyJwt | undefined,
  context: CallContext,
): ReturnType<ReadProof> {
  if (values === undefined) return undefined;
  const [value = '', ...others] = values;
  const token = others.length > 0 ? undefined : parseBearer(value);
  if (token === undefined) return { kind: 'refused', reason: 'malformed' };
  return verifyJwt === undefined ? refuseAll() : verifyJwt(token, context);
}

function refuseAll(): ProvedPrincipal {
  return { kind: 'refused', reason: 'unknown_issuer' };
}

function toFindByKey(text: string): FindByToken<KeyedPrincipal> {
  const parsed = parseApiKeyFile(text);
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join('; '));
  return createFindByToken(parsed.entries);
}
