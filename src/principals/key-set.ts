import type { JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet } from 'jose';

/** Signature algorithms that a key set may be used with: no shared secrets, and never `none`. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

/** The keys of an issuer as they were published. */
export type FindKey = JWTVerifyGetKey;

/** More is no key set that anybody publishes. */
const MAX_KEYS = 100;

/**
 * Makes a finder of a JSON Web Key Set (RFC 7517). Keys that nobody should publish (secret ones) are left out.
 *
 * @throws Error if it is none.
 */
export function parseKeySet(text: string): FindKey {
  const set: unknown = JSON.parse(text);
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS || !keys.every(isKey)) throw new Error('is no JSON Web Key Set');
  const publicKeys = keys.filter((key) => key.kty !== 'oct' && !('d' in key));
  if (publicKeys.length === 0) throw new Error('has no public key');
  return createLocalJWKSet({ keys: publicKeys });
}

function isKey(key: unknown): key is { readonly kty: string } {
  return typeof key === 'object' && key !== null && 'kty' in key && typeof key.kty === 'string';
}
