import type { Principal } from '../domain/principal.ts';

/** The flag that says how far an account is with a type: `enforce`, `shadow` or `off`. No type has a hyphen. */
export function toEnforcementFlag(type: string): string {
  return `fgac-${type}`;
}

/** The flag that says whether relationships are written: a boolean, or `on` or `off`. */
export function toDualWriteFlag(type: string): string {
  return `fgac-${type}-dual-write`;
}

/** What one kept answer is about. Injective: the flag and the kind are of closed sets without a colon. */
export function toKeptKey(flag: string, { kind, account }: Pick<Principal, 'kind' | 'account'>): string {
  return `${flag}:${kind}:${account}`;
}
