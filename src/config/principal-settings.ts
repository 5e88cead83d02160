import { z } from 'zod';
import { ALGORITHMS } from '../principals/key-set.ts';
import { choice, headerName, httpUrl, integer, listOf, signingKeys, text } from './fields.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KIBIBYTE = 1024;
const CLAIM_RULE = 'must be the name of a claim, or a list of the names that lead to it';

const claim = () => z.union([text(), listOf(text(), CLAIM_RULE)], CLAIM_RULE);

const createClaimsSchema = () =>
  z.object({
    user_id: claim().exactOptional(),
    service_account_id: claim().exactOptional(),
    agent_id: claim().exactOptional(),
    account_id: claim().exactOptional(),
    account: text().exactOptional(),
  });

const createIssuerSchema = () =>
  z.object(
    {
      issuer: text(),
      audiences: listOf(text(), 'must be a list of audiences, one of which a token must name'),
      jwks_url: httpUrl().exactOptional(),
      jwks_file: text().exactOptional(),
      algorithms: listOf(choice(ALGORITHMS), `must be a list of ${ALGORITHMS.join(', ')}`).default(['RS256', 'ES256']),
      claims: createClaimsSchema().prefault({}),
    },
    'must be a mapping with issuer, audiences, jwks_url or jwks_file, and claims',
  );

/** `principals`: what proves who a principal is. What must go together is checked in `check-principals.ts`. */
export const createPrincipalsSchema = () =>
  z.object({
    issuers: listOf(
      createIssuerSchema(),
      'must be a list of {issuer, audiences, jwks_url or jwks_file, claims}',
    ).exactOptional(),
    api_keys_file: text().exactOptional(),
    clock_tolerance_ms: integer(0, 5 * MINUTE_MS).default(5 * SECOND_MS),
    max_token_bytes: integer(256, 64 * KIBIBYTE).default(8 * KIBIBYTE),
    jwks: z
      .object({
        timeout_ms: integer(1, MINUTE_MS).default(SECOND_MS),
        max_age_ms: integer(SECOND_MS, DAY_MS).default(10 * MINUTE_MS),
        cooldown_ms: integer(SECOND_MS, HOUR_MS).default(30 * SECOND_MS),
        max_bytes: integer(KIBIBYTE, 16 * KIBIBYTE * KIBIBYTE).default(256 * KIBIBYTE),
      })
      .prefault({}),
  });

const GATEWAY_SOURCES = ['headers', 'claims', 'jwt'] as const;

/** `gateway.principal`: on whose behalf a gateway's request is. */
export const createGatewayPrincipalSchema = () =>
  z.object({
    from: listOf(choice(GATEWAY_SOURCES), `must be a list of ${GATEWAY_SOURCES.join(', ')}`).exactOptional(),
    token_header: headerName().default('authorization'),
    headers: z
      .object({
        user_id: headerName().default('x-taskgate-user-id'),
        service_account_id: headerName().default('x-taskgate-service-account-id'),
        agent_id: headerName().default('x-taskgate-agent-id'),
        account_id: headerName().default('x-taskgate-account-id'),
      })
      .prefault({}),
    claims: createClaimsSchema().exactOptional(),
  });

/** `agentex`: the door for `AGENTEX_AUTH_URL`. */
export const createAgentexSchema = () =>
  z.object({
    signing_keys: signingKeys().exactOptional(),
    principal_ttl_ms: integer(MINUTE_MS, DAY_MS).default(HOUR_MS),
    api_key_header: headerName().default('x-api-key'),
    max_items: integer(1, 1_000_000).default(100_000),
  });

/** `principals`, with defaults. */
export type PrincipalsSettings = z.output<ReturnType<typeof createPrincipalsSchema>>;

/** `gateway.principal`, with defaults. */
export type GatewayPrincipalSettings = z.output<ReturnType<typeof createGatewayPrincipalSchema>>;

/** `agentex`, with defaults. */
export type AgentexSettings = z.output<ReturnType<typeof createAgentexSchema>>;

/** Where the claims are that say whom a token is about. */
export type ClaimsSettings = z.output<ReturnType<typeof createClaimsSchema>>;
