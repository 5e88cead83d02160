import type { CallContext } from '../authorize/ports.ts';
import type { GatewayRequest, IdentifiedPrincipal, IdentifyPrincipal } from '../authorize/ports-gateway.ts';
import type { PrincipalObserver, ProvedPrincipal } from '../authorize/ports-principals.ts';
import type { Principal } from '../domain/principal.ts';

/** Where a gateway's requests can say on whose behalf they are. */
export type GatewaySource = 'headers' | 'claims' | 'jwt';

/**
 * Looks at one kind of proof.
 *
 * @returns undefined if the request has none of the kind.
 * @throws TaskgateError if it could not be told.
 */
export type ReadProof = (
  request: Pick<GatewayRequest, 'headers' | 'claims'>,
  context: CallContext,
) => ProvedPrincipal | undefined | Promise<ProvedPrincipal | undefined>;

const NO_CREDENTIALS: IdentifiedPrincipal = { kind: 'unauthenticated', reason: 'no_credentials' };

/**
 * Finds the principal of a gateway's request. Only the sources that are named are looked at. Each proof that is there must
 * hold, and all of them be about the same principal: none makes up for a wrong one.
 */
export function createIdentifyPrincipal(
  { observer }: { readonly observer: Pick<PrincipalObserver, 'proved'> },
  sources: readonly { readonly source: GatewaySource; readonly read: ReadProof }[],
): IdentifyPrincipal {
  /** What is known after one more source; a promise of it only if one has to be waited for. */
  const readFrom = (at: number, found: Principal | undefined, ask: Asked): Answer | Promise<Answer> => {
    const next = sources[at];
    if (next === undefined) return found === undefined ? NO_CREDENTIALS : { kind: 'principal', principal: found };
    const take = (proved: ProvedPrincipal | undefined): Answer | Promise<Answer> => {
      if (proved === undefined) return readFrom(at + 1, found, ask);
      observer.proved(next.source, proved.kind === 'principal' ? 'ok' : proved.reason);
      if (proved.kind === 'refused') return { kind: 'unauthenticated', reason: proved.reason };
      if (found !== undefined && !isSame(found, proved.principal)) {
        return { kind: 'unauthenticated', reason: 'two_principals' };
      }
      return readFrom(at + 1, proved.principal, ask);
    };
    const proved = next.read(...ask);
    return proved instanceof Promise ? proved.then(take) : take(proved);
  };
  return (...ask) => readFrom(0, undefined, ask);
}

type Asked = Parameters<ReadProof>;
type Answer = IdentifiedPrincipal;

function isSame(a: Principal, b: Principal): boolean {
  return a.kind === b.kind && a.id === b.id && a.account === b.account;
}
