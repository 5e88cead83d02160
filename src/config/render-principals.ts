import { MASK } from './mask.ts';
import type { AgentexConfig, ClaimPathConfig, ClaimsConfig, PrincipalsConfig } from './principals-config.ts';

/** `principals`, as YAML has it. */
export function toPrincipalsTree({ issuers, keySets, ...principals }: PrincipalsConfig) {
  return {
    issuers:
      issuers.length === 0
        ? undefined
        : issuers.map(({ issuer, audiences, algorithms, keys, claims }) => ({
            issuer,
            audiences,
            ...(keys.kind === 'url' ? { jwks_url: keys.url } : { jwks_file: keys.path }),
            algorithms,
            claims: toClaimsTree(claims),
          })),
    api_keys_file: principals.apiKeysFile,
    clock_tolerance_ms: principals.clockToleranceMs,
    max_token_bytes: principals.maxTokenBytes,
    jwks: {
      timeout_ms: keySets.timeoutMs,
      max_age_ms: keySets.maxAgeMs,
      cooldown_ms: keySets.cooldownMs,
      max_bytes: keySets.maxBytes,
    },
  };
}

/** `gateway.principal`, as YAML has it. */
export function toGatewayPrincipalTree({ from, tokenHeader, headers, claims }: PrincipalsConfig['gateway']) {
  return {
    from: from.length === 0 ? undefined : from,
    token_header: tokenHeader,
    headers,
    claims: claims && toClaimsTree(claims),
  };
}

/** `agentex`, as YAML has it. */
export function toAgentexTree({ signingKeys, principalTtlMs, apiKeyHeader, maxItems }: AgentexConfig) {
  return {
    signing_keys: signingKeys.map(({ id }) => ({ id, secret: MASK })),
    principal_ttl_ms: principalTtlMs,
    api_key_header: apiKeyHeader,
    max_items: maxItems,
  };
}

function toClaimsTree({ ids, account }: ClaimsConfig) {
  const paths = Object.entries(ids).map(([field, path]) => [field, toClaim(path)] as const);
  return {
    ...Object.fromEntries(paths),
    ...(account.kind === 'fixed' ? { account: account.id } : { account_id: toClaim(account.path) }),
  };
}

function toClaim(path: ClaimPathConfig): string | ClaimPathConfig {
  return path.length === 1 ? path[0] : path;
}
