import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashToken } from '../../src/callers/token-callers.ts';
import { expectProblems, expectValid, load, SIGNING_SECRET } from './support.ts';

const KEYS = `signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }]`;
const CLAIMS = 'claims: { user_id: sub, account_id: org }';
const issuer = (rest: string): string => `principals: { issuers: [{ issuer: i, audiences: [a], ${rest} }] }`;
const GOOD = issuer(`jwks_url: "https://i/keys", ${CLAIMS}`);
const { publicKey } = generateKeyPairSync('ed25519');
const FILES = {
  '/keys.json': JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }),
  '/secret.json': JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA' }] }),
  '/not.json': 'keys',
  '/api-keys': JSON.stringify([
    { name: 'ci', sha256: hashToken('x'), principal: { user_id: 'u', account_id: 'acme' } },
  ]),
  '/bad-api-keys': JSON.stringify([
    { name: 'ci', sha256: hashToken('x'), principal: { user_id: 'u', agent_id: 'b', account_id: 'acme' } },
  ]),
};

describe('what proves principals', () => {
  it.each([
    GOOD,
    issuer(`jwks_url: "http://127.0.0.1:1/keys", ${CLAIMS}`),
    issuer(`jwks_url: "http://localhost/keys", ${CLAIMS}`),
    issuer(`jwks_file: /keys.json, ${CLAIMS}`),
    'principals: { api_keys_file: /api-keys }',
    `${GOOD}\nagentex: { ${KEYS} }`,
    `${GOOD}\ngateway: { principal: { from: [jwt] } }`,
    'gateway: { principal: { from: [headers] } }',
  ])('is valid: %s', (yaml) => {
    expectValid(load({ yaml, files: FILES }));
  });

  const one = 'principals.issuers[0]';
  it.each<[string, string | RegExp]>([
    [issuer(CLAIMS), `${one}: needs one of jwks_url and jwks_file, and not both`],
    [
      issuer(`jwks_url: "https://i/k", jwks_file: /keys.json, ${CLAIMS}`),
      `${one}: needs one of jwks_url and jwks_file, and not both`,
    ],
    [
      issuer('jwks_url: "https://i/k", claims: { account_id: a }'),
      `${one}.claims: needs one of user_id, service_account_id, agent_id`,
    ],
    [
      issuer('jwks_url: "https://i/k", claims: { user_id: sub }'),
      `${one}.claims: needs one of account_id (a claim) and account (the same for all), and not both`,
    ],
    [
      issuer(`jwks_url: "http://i/k", ${CLAIMS}`),
      `${one}.jwks_url: must be a URL that starts with https:// (or http:// on loopback), without user, password and #`,
    ],
    [
      issuer(`jwks_url: "https://u:p@i/k", ${CLAIMS}`),
      `${one}.jwks_url: must be a URL that starts with https:// (or http:// on loopback), without user, password and #`,
    ],
    [issuer(`jwks_file: /absent, ${CLAIMS}`), `${one}.jwks_file: can not be read (ENOENT)`],
    [issuer(`jwks_file: /not.json, ${CLAIMS}`), `${one}.jwks_file: is no JSON Web Key Set with a public key`],
    [issuer(`jwks_file: /secret.json, ${CLAIMS}`), `${one}.jwks_file: is no JSON Web Key Set with a public key`],
    ...['none', 'HS256', 'rs256'].map((algorithm): [string, string] => [
      issuer(`jwks_url: "https://i/k", algorithms: [${algorithm}], ${CLAIMS}`),
      `${one}.algorithms[0]: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`,
    ]),
    [
      `principals: { issuers: [{ issuer: i, audiences: [a], jwks_url: "https://i/k", ${CLAIMS} }, { issuer: i, audiences: [b], jwks_url: "https://i/k", ${CLAIMS} }] }`,
      'principals.issuers[1].issuer: is the issuer of an earlier one too',
    ],
    [
      'principals: { api_keys_file: /bad-api-keys }',
      'principals.api_keys_file: entry 1, principal: must be a mapping with account_id and one of user_id, service_account_id, agent_id',
    ],
    ['gateway: { principal: { from: [jwt] } }', 'gateway.principal.from: can not have jwt without principals.issuers'],
    [
      'gateway: { principal: { from: [claims] } }',
      'gateway.principal.from: can not have claims without gateway.principal.claims',
    ],
    ['gateway: { principal: { from: [headers, headers] } }', 'gateway.principal.from: names one twice'],
    [
      `gateway: { principal: { ${CLAIMS} } }`,
      'gateway.principal.claims: has no effect without claims in gateway.principal.from',
    ],
    [
      'gateway: { principal: { headers: { user_id: authorization } } }',
      'gateway.principal.headers: must be different headers',
    ],
    [
      'gateway: { principal: { headers: { user_id: X-User } } }',
      'gateway.principal.headers.user_id: must be the name of a header in lower case',
    ],
    [`agentex: { ${KEYS} }`, 'agentex: proves nobody without principals.issuers or principals.api_keys_file'],
    [`${GOOD}\nagentex: { max_items: 1 }`, /^agentex\.signing_keys: is required with agentex/],
    [
      `${GOOD}\nagentex: { ${KEYS}, api_key_header: authorization }`,
      'agentex.api_key_header: must not be authorization, where tokens are',
    ],
    [
      `${GOOD}\nagentex: { ${KEYS}, enforcement: { accounts: { acme: off } } }`,
      /^agentex\.enforcement: is now rollout\.enforcement and rollout\.dual_write/,
    ],
  ])('has a problem: %s', (yaml, problem) => {
    expect(expectProblems(load({ yaml, files: FILES }))).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });
});
