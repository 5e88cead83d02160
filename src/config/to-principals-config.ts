import type {
  AgentexSettings,
  ClaimsSettings,
  GatewayPrincipalSettings,
  PrincipalsSettings,
} from './principal-settings.ts';
import type {
  AgentexConfig,
  ClaimPathConfig,
  ClaimsConfig,
  IssuerConfig,
  PrincipalsConfig,
} from './principals-config.ts';

const ID_FIELDS = ['user_id', 'service_account_id', 'agent_id'] as const;

export function toPrincipalsConfig(
  principals: PrincipalsSettings,
  { from = [], token_header: tokenHeader, headers, claims }: GatewayPrincipalSettings,
): PrincipalsConfig {
  const { jwks } = principals;
  const mapping = claims === undefined ? undefined : toClaims(claims);
  return {
    issuers: (principals.issuers ?? []).flatMap(toIssuer),
    ...(principals.api_keys_file === undefined ? {} : { apiKeysFile: principals.api_keys_file }),
    clockToleranceMs: principals.clock_tolerance_ms,
    maxTokenBytes: principals.max_token_bytes,
    keySets: {
      timeoutMs: jwks.timeout_ms,
      maxAgeMs: jwks.max_age_ms,
      cooldownMs: jwks.cooldown_ms,
      maxBytes: jwks.max_bytes,
    },
    gateway: { from, tokenHeader, headers, ...(mapping === undefined ? {} : { claims: mapping }) },
  };
}

/** Nothing where something is missing, which is a problem that `checkPrincipals` has reported. */
export function toAgentexConfig(settings: AgentexSettings | undefined): { readonly agentex?: AgentexConfig } {
  const [first, ...others] = settings?.signing_keys ?? [];
  if (settings === undefined || first === undefined) return {};
  return {
    agentex: {
      signingKeys: [first, ...others],
      principalTtlMs: settings.principal_ttl_ms,
      apiKeyHeader: settings.api_key_header,
      maxItems: settings.max_items,
    },
  };
}

function toIssuer({
  issuer,
  audiences: [audience, ...audiences],
  algorithms: [algorithm, ...algorithms],
  jwks_url: url,
  jwks_file: path,
  claims,
}: NonNullable<PrincipalsSettings['issuers']>[number]): IssuerConfig[] {
  const mapping = toClaims(claims);
  if (audience === undefined || algorithm === undefined || mapping === undefined) return [];
  const common = { issuer, audiences: [audience, ...audiences], algorithms: [algorithm, ...algorithms] } as const;
  if (url !== undefined) return [{ ...common, keys: { kind: 'url', url }, claims: mapping }];
  return path === undefined ? [] : [{ ...common, keys: { kind: 'file', path }, claims: mapping }];
}

function toClaims(settings: ClaimsSettings): ClaimsConfig | undefined {
  const ids = Object.fromEntries(
    ID_FIELDS.flatMap((field) => {
      const path = toPath(settings[field]);
      return path === undefined ? [] : [[field, path] as const];
    }),
  );
  if (settings.account !== undefined) return { ids, account: { kind: 'fixed', id: settings.account } };
  const path = toPath(settings.account_id);
  return path === undefined ? undefined : { ids, account: { kind: 'claim', path } };
}

function toPath(claim: string | readonly string[] | undefined): ClaimPathConfig | undefined {
  const [first, ...others] = claim === undefined ? [] : [claim].flat();
  return first === undefined ? undefined : [first, ...others];
}
