import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../authorize/ports.ts';
import type { PrincipalRefusal, ProvedPrincipal, SignedPrincipals } from '../authorize/ports-principals.ts';
import type { Principal } from '../domain/principal.ts';
import { copyText } from '../domain/copy-text.ts';
import { toPrincipal } from './to-principal.ts';

/** A key that signs principals. */
export interface PrincipalKey {
  /** 1 to 32 characters of `a-z0-9_-`; stands in the signature, so that keys can be rotated. */
  readonly id: string;
  readonly secret: string;
}

/** The keys that are in force: the first signs, all verify. */
export type PrincipalKeyRing = readonly [PrincipalKey, ...PrincipalKey[]];

const VERSION = '1';
/** Principals that are known again without an HMAC, which costs most of it: some 400 bytes each. */
const MAX_KNOWN = 5_000;
const KEYS = new Set(['user_id', 'service_account_id', 'agent_id', 'account_id', 'metadata', 'signature']);
const MAX_SIGNATURE_LENGTH = 128;
const SIGNATURE = /^(?<version>\d{1,3})\.(?<keyId>[a-z0-9_-]{1,32})\.(?<expiry>[1-9]\d{0,15})\.[A-Za-z0-9_-]{43}$/;
/** Keeps what is signed here apart from whatever else the same secret may sign. */
const PURPOSE = 'taskgate signed principal';

/** A principal that has been verified, with all that it was verified with but its signature. */
interface Known {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/**
 * Signs principals, and tells those that it signed from all others: an altered value, a key more or less, another
 * version or an expired one is refused.
 *
 * All that are signed within `ttlMs` for one principal are the same bytes, so that who keeps answers by them finds them
 * again: they are good for `ttlMs` at least, and for less than twice as long.
 */
export function createSignedPrincipals(
  { clock }: { readonly clock: Clock },
  { keyRing, ttlMs }: { readonly keyRing: PrincipalKeyRing; readonly ttlMs: number },
): SignedPrincipals {
  const keys = new Map(keyRing.map((key) => [key.id, key]));
  /** By signature, so that nobody who has not been given one finds anything. */
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  return {
    sign(principal, expiresAtMs = Infinity) {
      const usual = (Math.floor(clock.nowMs() / ttlMs) + 2) * ttlMs;
      const expiry = `${Math.trunc(Math.min(usual, expiresAtMs))}`;
      const id = (kind: Principal['kind']): string | null => (principal.kind === kind ? principal.id : null);
      return {
        user_id: id('user'),
        service_account_id: id('service_account'),
        agent_id: id('agent'),
        account_id: principal.account,
        metadata: {},
        signature: toSignature(keyRing[0], principal, expiry),
      };
    },
    verify(value) {
      if (!isPlainObject(value)) return refused('malformed');
      const names = Object.keys(value);
      if (names.length !== KEYS.size || !names.every((name) => KEYS.has(name))) return refused('malformed');
      const { signature, metadata, account_id } = value;
      if (!isPlainObject(metadata) || Object.keys(metadata).length > 0) return refused('malformed');
      const found = toPrincipal({
        user_id: value['user_id'] ?? undefined,
        service_account_id: value['service_account_id'] ?? undefined,
        agent_id: value['agent_id'] ?? undefined,
        account_id,
      });
      if (found.kind === 'refused') return refused('malformed');
      if (typeof signature !== 'string' || signature.length > MAX_SIGNATURE_LENGTH) return refused('malformed');
      const before = known.get(signature);
      if (before !== undefined && isSame(before.principal, found.principal)) {
        return before.expiresAtMs <= clock.nowMs() ? refused('expired') : found;
      }
      const { version, keyId = '', expiry = '' } = SIGNATURE.exec(signature)?.groups ?? {};
      if (version === undefined) return refused('malformed');
      if (version !== VERSION) return refused('unknown_version');
      const key = keys.get(keyId);
      if (key === undefined) return refused('unknown_key');
      // The whole text is compared, so that there is one form of each signature.
      const expected = Buffer.from(toSignature(key, found.principal, expiry));
      const given = Buffer.from(signature);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return refused('bad_signature');
      const expiresAtMs = Number(expiry);
      if (expiresAtMs <= clock.nowMs()) return refused('expired');
      known.set(copyText(signature), { principal: found.principal, expiresAtMs });
      return found;
    },
  };
}

/** Each part after its length in bytes: no two principals are one text. */
function toSignature({ id: keyId, secret }: PrincipalKey, { kind, id, account }: Principal, expiry: string): string {
  const parts = [PURPOSE, VERSION, keyId, expiry, kind, id, account];
  const signed = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return `${VERSION}.${keyId}.${expiry}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function isSame(a: Principal, b: Principal): boolean {
  return a.kind === b.kind && a.id === b.id && a.account === b.account;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(reason: PrincipalRefusal): ProvedPrincipal {
  return { kind: 'refused', reason };
}
