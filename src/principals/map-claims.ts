import type { ProvedPrincipal } from '../authorize/ports-principals.ts';
import type { IdField } from './to-principal.ts';
import { toPrincipal } from './to-principal.ts';

/** Where a claim is: its name, or the names that lead to it. A dot in a name is a dot. */
export type ClaimPath = readonly [string, ...string[]];

/** Which claims say whom a token is about. */
export interface ClaimMapping {
  /** At least one. A token in which two of them are there is nobody's. */
  readonly ids: Readonly<Partial<Record<IdField, ClaimPath>>>;
  /** The account: a claim, or the same for all. */
  readonly account:
    { readonly kind: 'claim'; readonly path: ClaimPath } | { readonly kind: 'fixed'; readonly id: string };
}

export type MapClaims = (claims: unknown) => ProvedPrincipal;

/** Makes principals of claims, which must have been proved already. */
export function createMapClaims({ ids, account }: ClaimMapping): MapClaims {
  const paths = Object.entries(ids);
  return (claims) =>
    toPrincipal({
      ...Object.fromEntries(paths.map(([field, path]) => [field, readPath(claims, path)])),
      account_id: account.kind === 'fixed' ? account.id : readPath(claims, account.path),
    });
}

/** What is there; undefined for nothing, and for null, which some issuers write for it. */
function readPath(claims: unknown, path: ClaimPath): unknown {
  let value = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value ?? undefined;
}
