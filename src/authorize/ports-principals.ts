import type { Principal } from '../domain/principal.ts';
import type { CallContext } from './ports.ts';

/** How a principal was proved: a closed set, so that it can label a counter. */
export type PrincipalSource = 'headers' | 'claims' | 'jwt' | 'api_key' | 'signed';

/** Why nobody was proved, in a closed set of words: for a counter, never for whoever asks. */
export type PrincipalRefusal =
  | 'no_credentials'
  | 'two_credentials'
  | 'malformed'
  | 'unknown_issuer'
  | 'unknown_key'
  | 'unknown_version'
  | 'bad_algorithm'
  | 'bad_type'
  | 'bad_signature'
  | 'bad_claims'
  | 'expired'
  | 'no_principal'
  | 'two_principals'
  | 'no_account';

/** Who somebody is, or why that is not proved. Could-not-tell is thrown. */
export type ProvedPrincipal =
  | {
      readonly kind: 'principal';
      readonly principal: Principal;
      /** Milliseconds since the epoch until which the proof is good; undefined if it has no end of its own. */
      readonly expiresAtMs?: number | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: PrincipalRefusal };

/** The headers that may prove a principal. All values of each, as they came. */
export interface CredentialHeaders {
  readonly authorization: readonly string[];
  readonly apiKey: readonly string[];
}

/**
 * Tells whose the credentials of a request are: one token, or one API key.
 *
 * @throws TaskgateError if it could not be told, such as when the keys of an issuer can't be fetched.
 */
export type AuthenticateHeaders = (headers: CredentialHeaders, context: CallContext) => Promise<ProvedPrincipal>;

/**
 * A principal as it is handed out, to be handed back as it is. `metadata` is empty: applications expect it to be there.
 */
export interface SignedPrincipal {
  readonly user_id: string | null;
  readonly service_account_id: string | null;
  readonly agent_id: string | null;
  readonly account_id: string;
  readonly metadata: Readonly<Record<string, never>>;
  /** `1.<key id>.<expiry, ms since the epoch>.<HMAC-SHA256, base64url>` */
  readonly signature: string;
}

/** Hands principals out, and knows them again. */
export interface SignedPrincipals {
  /** @param expiresAtMs milliseconds since the epoch that it is good until at most; undefined: as long as others. */
  readonly sign: (principal: Principal, expiresAtMs?: number) => SignedPrincipal;
  /** Everything about the value is hostile until the signature holds. Never throws. */
  readonly verify: (value: unknown) => ProvedPrincipal;
}

/** Told of every proof. Never throws and never waits. */
export interface PrincipalObserver {
  proved(source: PrincipalSource, outcome: 'ok' | PrincipalRefusal): void;
  /** The keys of an issuer could not be had. */
  keysFailed(issuer: string, error: unknown): void;
}
