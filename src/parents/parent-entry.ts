import { createHmac, timingSafeEqual } from 'node:crypto';

/** A key that signs entries. */
export interface SigningKey {
  /** 1 to 32 characters of `a-z0-9_-`; stands in the entry, so that keys can be rotated. */
  readonly id: string;
  readonly secret: string;
}

/** The keys that are in force: the first signs, all verify. */
export type KeyRing = readonly [SigningKey, ...SigningKey[]];

/** What can be kept of a lookup. */
export type CacheableResult = { readonly kind: 'found'; readonly id: string } | { readonly kind: 'absent' };

/** What bytes from Redis turn out to be. */
export type DecodedEntry =
  | { readonly kind: 'hit'; readonly result: CacheableResult; readonly expiresAtMs: number }
  | {
      readonly kind: 'miss';
      readonly reason: 'malformed' | 'unknown_version' | 'unknown_key' | 'bad_signature' | 'expired';
    };

/*
 * version (1) | length of the key id (1) | key id | expiry, ms since the epoch (8) | found or absent (1) | parent id | HMAC (32)
 *
 * The HMAC covers the length of the cache key, the cache key, and all that stands before it: an entry that was moved to
 * another key, or changed anywhere, does not verify.
 */
const VERSION = 1;
const HMAC_BYTES = 32;
/** Longer than the entry of any parent that has an id (see `domain/identifier.ts`). */
export const MAX_ENTRY_BYTES = 2_048;
const EXPIRY_BYTES = 8;
const FOUND = 1;
const ABSENT = 0;

/** The bytes to keep under `key`, signed by the ring's first key. */
export function encodeParentEntry(
  key: string,
  result: CacheableResult,
  { keyRing, expiresAtMs }: { readonly keyRing: KeyRing; readonly expiresAtMs: number },
): Buffer {
  const [signingKey] = keyRing;
  const keyId = Buffer.from(signingKey.id);
  const expiry = Buffer.alloc(EXPIRY_BYTES);
  expiry.writeBigUInt64BE(BigInt(Math.trunc(expiresAtMs)));
  const signed = Buffer.concat([
    Buffer.from([VERSION, keyId.length]),
    keyId,
    expiry,
    Buffer.from([result.kind === 'found' ? FOUND : ABSENT]),
    Buffer.from(result.kind === 'found' ? result.id : ''),
  ]);
  return Buffer.concat([signed, sign(signingKey, key, signed)]);
}

/** Everything about the bytes is hostile until the signature holds. Never throws. */
export function decodeParentEntry(
  bytes: Buffer,
  key: string,
  { keyRing, nowMs }: { readonly keyRing: KeyRing; readonly nowMs: number },
): DecodedEntry {
  if (bytes[0] !== VERSION) return { kind: 'miss', reason: bytes.length === 0 ? 'malformed' : 'unknown_version' };
  const keyIdEnd = 2 + (bytes[1] ?? 0);
  const kindAt = keyIdEnd + EXPIRY_BYTES;
  const signedEnd = bytes.length - HMAC_BYTES;
  if (signedEnd <= kindAt) return { kind: 'miss', reason: 'malformed' };
  const keyId = bytes.toString('utf8', 2, keyIdEnd);
  const signingKey = keyRing.find(({ id }) => id === keyId);
  if (signingKey === undefined) return { kind: 'miss', reason: 'unknown_key' };
  const signed = bytes.subarray(0, signedEnd);
  if (!timingSafeEqual(sign(signingKey, key, signed), bytes.subarray(signedEnd))) {
    return { kind: 'miss', reason: 'bad_signature' };
  }
  const expiresAtMs = Number(bytes.readBigUInt64BE(keyIdEnd));
  if (expiresAtMs <= nowMs) return { kind: 'miss', reason: 'expired' };
  const result = toResult(bytes[kindAt], bytes.toString('utf8', kindAt + 1, signedEnd));
  return result === undefined ? { kind: 'miss', reason: 'malformed' } : { kind: 'hit', result, expiresAtMs };
}

function toResult(kind: number | undefined, id: string): CacheableResult | undefined {
  if (kind === FOUND && id !== '') return { kind: 'found', id };
  return kind === ABSENT && id === '' ? { kind: 'absent' } : undefined;
}

function sign(signingKey: SigningKey, key: string, signed: Buffer): Buffer {
  return createHmac('sha256', signingKey.secret)
    .update(`${Buffer.byteLength(key)}:${key}`)
    .update(signed)
    .digest();
}
