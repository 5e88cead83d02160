import type { ProvedPrincipal } from '../authorize/ports-principals.ts';
import { identifierProblem } from '../domain/identifier.ts';
import type { PrincipalKind } from '../domain/principal.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';

/** What outside calls the id of each kind of principal. */
export const ID_FIELDS = [
  ['user_id', 'user'],
  ['service_account_id', 'service_account'],
  ['agent_id', 'agent'],
] as const satisfies readonly (readonly [string, PrincipalKind])[];

export type IdField = (typeof ID_FIELDS)[number][0];

/** What was found under each name; undefined where nothing was. All of it is from outside. */
export type FoundIds = Readonly<Partial<Record<IdField | 'account_id', unknown>>>;

/** Makes a principal of what was found: exactly one id, and an account. */
export function toPrincipal(found: FoundIds): ProvedPrincipal {
  let first: { readonly kind: PrincipalKind; readonly id: unknown } | undefined;
  for (const [field, kind] of ID_FIELDS) {
    const id = found[field];
    if (id === undefined) continue;
    if (first !== undefined) return { kind: 'refused', reason: 'two_principals' };
    first = { kind, id };
  }
  if (first === undefined) return { kind: 'refused', reason: 'no_principal' };
  if (found.account_id === undefined) return { kind: 'refused', reason: 'no_account' };
  if (!isId(first.id) || !isId(found.account_id)) return { kind: 'refused', reason: 'malformed' };
  return { kind: 'principal', principal: { kind: first.kind, id: first.id, account: found.account_id } };
}

/** True of a text that can be the id of a principal or an account. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== NEW_RESOURCE_ID && identifierProblem(value) === undefined;
}
