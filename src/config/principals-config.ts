import type { Algorithm } from '../principals/key-set.ts';

/** What proves who a principal is. */
export interface PrincipalsConfig {
  /** Whoever signs tokens. Default none: no token proves anybody. */
  readonly issuers: readonly IssuerConfig[];
  /** A YAML list of `{name, sha256, principal}`, read again when it changes. Default none. */
  readonly apiKeysFile?: string;
  /** Milliseconds by which the clocks of issuers may differ, 0–300,000; default 5,000. */
  readonly clockToleranceMs: number;
  /** Bytes of a token, 256–65,536; default 8,192. */
  readonly maxTokenBytes: number;
  /** How key sets are fetched. */
  readonly keySets: {
    /** Milliseconds for one fetch, 1–60,000; default 1,000. Less than the default deadline. */
    readonly timeoutMs: number;
    /** Milliseconds that keys are used for, 1,000–86,400,000; default 600,000. */
    readonly maxAgeMs: number;
    /** Milliseconds before an unknown key makes another fetch, 1,000–3,600,000; default 30,000. */
    readonly cooldownMs: number;
    /** Bytes of one key set, 1,024–16,777,216; default 262,144. */
    readonly maxBytes: number;
  };
  /** On whose behalf a gateway's request is (`gateway.principal`). */
  readonly gateway: {
    /** Only what is named is looked at, and each that is there must hold. Default none: nobody is identified. */
    readonly from: readonly ('headers' | 'claims' | 'jwt')[];
    /** With the client's token. Default `authorization`. */
    readonly tokenHeader: string;
    /** Default `x-taskgate-user-id`, `-service-account-id`, `-agent-id` and `-account-id`. */
    readonly headers: Readonly<Record<'user_id' | 'service_account_id' | 'agent_id' | 'account_id', string>>;
    /** Of what the gateway itself has proved. Default none. */
    readonly claims?: ClaimsConfig;
  };
}

export interface IssuerConfig {
  /** Compared with `iss` as it is. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audiences: readonly [string, ...string[]];
  /** Where its keys are. */
  readonly keys: { readonly kind: 'url'; readonly url: string } | { readonly kind: 'file'; readonly path: string };
  /** Default RS256 and ES256. */
  readonly algorithms: readonly [Algorithm, ...Algorithm[]];
  readonly claims: ClaimsConfig;
}

/** The names that lead to a claim. */
export type ClaimPathConfig = readonly [string, ...string[]];

/** Which claims say whom a token is about. */
export interface ClaimsConfig {
  /** At least one. A token with two of them is nobody's. */
  readonly ids: Readonly<Partial<Record<'user_id' | 'service_account_id' | 'agent_id', ClaimPathConfig>>>;
  /** A claim (`account_id`), or the same account for all (`account`). */
  readonly account:
    { readonly kind: 'claim'; readonly path: ClaimPathConfig } | { readonly kind: 'fixed'; readonly id: string };
}

/** The door for `AGENTEX_AUTH_URL`. */
export interface AgentexConfig {
  /** The first signs the principals that are handed out, all verify. */
  readonly signingKeys: readonly [PrincipalKeyConfig, ...PrincipalKeyConfig[]];
  /** Milliseconds that a principal is good for at least, 60,000–86,400,000; default 3,600,000. At most twice as long. */
  readonly principalTtlMs: number;
  /** With the client's API key. Default `x-api-key`. */
  readonly apiKeyHeader: string;
  /** Ids in one search, 1–1,000,000; default 100,000. A longer list is an error, and never cut. */
  readonly maxItems: number;
}

export interface PrincipalKeyConfig {
  /** 1 to 32 of a-z, 0-9, _ and -; unique. */
  readonly id: string;
  /** At least 32 characters. */
  readonly secret: string;
}
