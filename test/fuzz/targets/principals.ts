import type { IncomingMessage } from 'node:http';
import { InvalidArgumentError } from '../../../src/domain/errors.ts';
import { toCheck, toFilter, toGrant, toRegistration } from '../../../src/http/agentex/requests.ts';
import { parseJsonBody } from '../../../src/http/json-body.ts';
import { parseApiKeyFile } from '../../../src/principals/api-keys.ts';
import { parseKeySet } from '../../../src/principals/key-set.ts';
import { createSignedPrincipals } from '../../../src/principals/signed-principal.ts';
import { createVerifyJwt } from '../../../src/principals/verify-jwt.ts';
import { toApiKeysFile } from '../../support/agentex.ts';
import { callContext } from '../../support/spicedb.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const clock = { nowMs: () => 1_800_000_000_000 };
const principals = createSignedPrincipals(
  { clock },
  { keyRing: [{ id: 'a', secret: 'a secret that everybody knows here' }], ttlMs: 60_000 },
);
const signed = [
  principals.sign({ kind: 'user', id: 'alice', account: 'acme' }),
  principals.sign({ kind: 'agent', id: 'ä/=*b', account: 'a:1' }),
];
const handedOut = new Set(signed.map((principal) => JSON.stringify(principal)));
const rest =
  '"resource":{"type":"task","selector":"task-1"},"operation":"read","filter_resource":"task","filter_operation":"read","parent":null}';
const request = { headers: { 'content-type': 'application/json' } } as IncomingMessage;

const bodies: FuzzTarget = {
  name: 'agentex-bodies',
  seeds: [
    ...signed.map((principal) => text(`{"principal":${JSON.stringify(principal)},${rest}`)),
    text('{"a":1,"a":2}'),
    text('{"__proto__":{"a":"\\ud800"}}'),
    text('[[[['),
  ],
  dictionary: [
    '"principal":',
    '"resource":',
    '"selector":"*"',
    'null',
    '{}',
    '[]',
    '\\u0061',
    '\\ud800',
    '":"',
    '","',
    '\ufeff',
  ],
  run(input) {
    try {
      const body = parseJsonBody(request, Buffer.from(input));
      assertThat(JSON.stringify(body).isWellFormed(), 'a body is well-formed');
      const proved = principals.verify(body['principal']);
      if (proved.kind === 'refused') return proved.reason;
      const { user_id, service_account_id, agent_id, account_id, metadata, signature } = body['principal'] as Record<
        string,
        unknown
      >;
      const again = JSON.stringify({ user_id, service_account_id, agent_id, account_id, metadata, signature });
      assertThat(handedOut.has(again), 'a principal that is known was handed out');
      for (const parse of [toCheck, toFilter, toGrant, toRegistration]) parse(body);
      return 'asked';
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      return error.field;
    }
  },
};

const keySets: FuzzTarget = {
  name: 'key-sets',
  seeds: [
    '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"a"}]}',
    '{"keys":[{"kty":"oct","k":"AA"}]}',
    '{"keys":[]}',
    'null',
  ].map(text),
  dictionary: ['"keys":', '"kty":"RSA"', '"n":', '"e":"AQAB"', '"use":"enc"', '"d":', 'null', '{}', '[]'],
  run(input) {
    try {
      parseKeySet(toText(input));
      return 'keys';
    } catch (error) {
      if (!(error instanceof Error) || error instanceof RangeError) throw error;
      return error.name;
    }
  },
};

const apiKeys: FuzzTarget = {
  name: 'api-key-files',
  seeds: [
    text(toApiKeysFile()),
    text('- { name: a, sha256: x, principal: { user_id: a, account_id: b } }'),
    text('&a [*a]'),
  ],
  dictionary: ['principal:', 'user_id:', 'agent_id:', 'account_id:', '"*"', '- ', '{', '}', '[', ']', '\n'],
  run(input) {
    const parsed = parseApiKeyFile(toText(input));
    if (parsed.kind === 'invalid') return parsed.problems[0]?.replace(/\d+/g, 'n') ?? 'no problem';
    for (const { principal } of parsed.entries) assertThat(principal.id !== '*' && principal.account !== '*', 'is one');
    return 'valid';
  },
};

const verify = createVerifyJwt(
  { clock },
  {
    issuers: [
      {
        issuer: 'i',
        audiences: ['a'],
        algorithms: ['ES256'],
        findKey: async (header, token) =>
          parseKeySet(
            '{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}',
          )(header, token),
        mapClaims: () => ({ kind: 'refused', reason: 'no_principal' }),
      },
    ],
    clockToleranceMs: 0,
    maxTokenBytes: 8_192,
  },
);
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokens: FuzzTarget = {
  name: 'tokens-of-principals',
  seeds: [
    text(`${encode({ alg: 'ES256' })}.${encode({ iss: 'i', aud: 'a', exp: 2e9 })}.${'A'.repeat(86)}`),
    text(`${encode({ alg: 'none' })}.${encode({ iss: 'i' })}.`),
    text('a.b.c'),
  ],
  dictionary: ['.', '..', 'eyJ', '=', '-', '_', encode({ alg: 'HS256' }), encode({ iss: 'i', crit: ['b64'] })],
  async run(input) {
    const proved = await verify(toText(input), callContext());
    assertThat(proved.kind === 'refused', 'nobody has signed it');
    return proved.kind === 'refused' ? proved.reason : '';
  },
};

export const PRINCIPAL_TARGETS: readonly FuzzTarget[] = [bodies, keySets, apiKeys, tokens];
