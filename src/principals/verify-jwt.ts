import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { decodeJwt, errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { CallContext, Clock } from '../authorize/ports.ts';
import type { PrincipalRefusal, ProvedPrincipal } from '../authorize/ports-principals.ts';
import { TaskgateError, UnavailableError } from '../domain/errors.ts';
import type { Algorithm } from './key-set.ts';
import type { MapClaims } from './map-claims.ts';
import type { FindIssuerKey } from './remote-keys.ts';

/** Whoever signs tokens about principals. */
export interface Issuer {
  /** Compared with `iss` as it is. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audiences: readonly [string, ...string[]];
  readonly algorithms: readonly [Algorithm, ...Algorithm[]];
  readonly findKey: FindIssuerKey;
  /**
   * The keys as they are now, another object with every change; undefined where they have to be fetched. Default: always
   * that, so that no token is known again.
   */
  readonly currentKeys?: () => object | undefined;
  readonly mapClaims: MapClaims;
}

export interface VerifyJwtOptions {
  readonly issuers: readonly Issuer[];
  /** Milliseconds by which the clocks of issuers may differ from ours. */
  readonly clockToleranceMs: number;
  /** Longer tokens are refused unread. */
  readonly maxTokenBytes: number;
}

/**
 * Tells whom a token (RFC 7519, signed) is about. At once of one that was verified with the keys that are still there.
 *
 * @throws UnavailableError if the issuer's keys could not be had: then nothing is known of the token.
 * @throws TaskgateError when the call ends before.
 */
export type VerifyJwt = (token: string, context: CallContext) => ProvedPrincipal | Promise<ProvedPrincipal>;

const SECOND_MS = 1_000;
/** Tokens that are known again without their signature, which costs most of a call: some 400 bytes each. */
const MAX_KNOWN = 5_000;
/** RFC 9068, 2.1 for `at+jwt`. What is typed as something else was made for something else (RFC 8725, 3.11). */
const TYPES = new Set<unknown>([undefined, 'jwt', 'at+jwt']);

const REASONS: ReadonlyMap<string, PrincipalRefusal> = new Map([
  [errors.JWTExpired.code, 'expired'],
  [errors.JWTClaimValidationFailed.code, 'bad_claims'],
  [errors.JWSSignatureVerificationFailed.code, 'bad_signature'],
  [errors.JOSEAlgNotAllowed.code, 'bad_algorithm'],
  [errors.JOSENotSupported.code, 'bad_algorithm'],
  [errors.JWKSNoMatchingKey.code, 'unknown_key'],
  // Without a key id, where there are several keys.
  [errors.JWKSMultipleMatchingKeys.code, 'unknown_key'],
]);

export function createVerifyJwt({ clock }: { readonly clock: Clock }, options: VerifyJwtOptions): VerifyJwt {
  const issuers = new Map(options.issuers.map((issuer) => [issuer.issuer, issuer]));
  /** By hash, so that a long token takes no more room. Refusals are not kept: whoever is refused can make up any number. */
  const known = new LRUCache<string, KnownToken>({ max: MAX_KNOWN });

  async function verify(token: string, key: string, context: CallContext): Promise<ProvedPrincipal> {
    try {
      const issuer = issuers.get(readIssuer(token));
      if (issuer === undefined) return refused('unknown_issuer');
      const keys = issuer.currentKeys?.();
      const { payload, protectedHeader } = await jwtVerify(
        token,
        async (header, jws) => findKey(issuer, header, jws, context),
        {
          issuer: issuer.issuer,
          audience: [...issuer.audiences],
          algorithms: [...issuer.algorithms],
          clockTolerance: options.clockToleranceMs / SECOND_MS,
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ['exp'],
        },
      );
      if (!TYPES.has(toType(protectedHeader.typ))) return refused('bad_type');
      const proved = toProved(issuer, payload, options.clockToleranceMs);
      // With keys that changed meanwhile it may have been verified by either.
      if (keys !== undefined && proved.kind === 'principal' && issuer.currentKeys?.() === keys) {
        known.set(key, { proved, issuer, keys });
      }
      return proved;
    } catch (error) {
      if (error instanceof errors.JOSEError) return refused(REASONS.get(error.code) ?? 'malformed');
      throw error;
    }
  }

  return (token, context) => {
    if (token.length > options.maxTokenBytes) return refused('malformed');
    const key = hash('sha256', token, 'base64');
    const before = known.get(key);
    if (before === undefined) return verify(token, key, context);
    const { proved, issuer, keys } = before;
    const isGood = issuer.currentKeys?.() === keys && clock.nowMs() < (proved.expiresAtMs ?? 0);
    if (isGood) return proved;
    known.delete(key);
    return verify(token, key, context);
  };
}

interface KnownToken {
  readonly proved: Extract<ProvedPrincipal, { kind: 'principal' }>;
  readonly issuer: Issuer;
  /** Those that it was verified with. */
  readonly keys: object;
}

/** Before anything is verified: it only says whose keys to ask. */
function readIssuer(token: string): string {
  return decodeJwt(token).iss ?? '';
}

/** A key set that can't be used is a fault of whoever publishes it, not of the token. */
async function findKey(
  issuer: Issuer,
  header: Parameters<FindIssuerKey>[0],
  jws: Parameters<FindIssuerKey>[1],
  context: CallContext,
): Promise<Awaited<ReturnType<FindIssuerKey>>> {
  try {
    return await issuer.findKey(header, jws, context);
  } catch (error) {
    const isOfToken =
      error instanceof errors.JWKSNoMatchingKey ||
      error instanceof errors.JWKSMultipleMatchingKeys ||
      error instanceof errors.JOSENotSupported;
    if (isOfToken || error instanceof TaskgateError) throw error;
    throw new UnavailableError('issuer', { cause: error });
  }
}

/** `application/` may be left out, and case does not matter (RFC 7515, 4.1.9). */
function toType(type: unknown): unknown {
  return typeof type === 'string' ? type.toLowerCase().replace(/^application\//, '') : type;
}

function toProved({ mapClaims }: Issuer, payload: JWTPayload, clockToleranceMs: number): ProvedPrincipal {
  const mapped = mapClaims(payload);
  if (mapped.kind === 'refused') return mapped;
  return { ...mapped, expiresAtMs: Number(payload.exp) * SECOND_MS + clockToleranceMs };
}

function refused(reason: PrincipalRefusal): ProvedPrincipal {
  return { kind: 'refused', reason };
}
