import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IdentifyPrincipal } from '../../src/authorize/ports-gateway.ts';
import { hashToken } from '../../src/callers/token-callers.ts';
import type { Principals, PrincipalsOptions } from '../../src/principals/open-principals.ts';
import { openPrincipals } from '../../src/principals/open-principals.ts';
import { AUDIENCE, goodClaims, ISSUER, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { BOUNDS, SILENT } from './fixtures.ts';

const ALICE = { kind: 'principal', principal: { kind: 'user', id: 'alice', account: 'acme' } };
const refused = (reason: string) => ({ kind: 'unauthenticated', reason });
const CLAIMS = {
  ids: { user_id: ['sub'], agent_id: ['agent'] },
  account: { kind: 'claim', path: ['account_id'] },
} as const;
const HEADERS = { user_id: 'x-user', service_account_id: 'x-service', agent_id: 'x-agent', account_id: 'x-account' };
const USER_HEADERS = { 'x-user': ['alice'], 'x-account': ['acme'] };
const KEY = 'an-api-key-of-the-tests';

let issuer: TestIssuer;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  issuer = opened.use(await startIssuer());
});
afterAll(async () => opened.disposeAsync());

async function open(from: PrincipalsOptions['gateway']['from'], url = issuer.url): Promise<Principals> {
  return opened.use(
    await openPrincipals(
      {
        clock: SYSTEM_CLOCK,
        readFile: async () =>
          JSON.stringify([
            { name: 'ci', sha256: hashToken(KEY), principal: { service_account_id: 'ci', account_id: 'acme' } },
          ]),
        reloads: { reloaded: () => undefined, refused: () => undefined },
        observer: SILENT,
      },
      {
        issuers: [
          { issuer: ISSUER, audiences: [AUDIENCE], algorithms: ['ES256'], keys: { kind: 'url', url }, claims: CLAIMS },
        ],
        keySets: BOUNDS,
        apiKeysFile: 'api-keys',
        gateway: { from, headers: HEADERS, tokenHeader: 'authorization', claims: CLAIMS },
        clockToleranceMs: 5_000,
        maxTokenBytes: 4_096,
        reloadIntervalMs: 60_000,
      },
    ),
  );
}

const ask = async (
  identify: IdentifyPrincipal,
  headers: Readonly<Record<string, readonly string[]>>,
  claims?: Readonly<Record<string, unknown>>,
) =>
  identify({ headers: new Map(Object.entries(headers)), ...(claims === undefined ? {} : { claims }) }, callContext());
const bearer = async (claims = goodClaims()) => ({ authorization: [`Bearer ${await issuer.sign(claims)}`] });

describe('headers of the gateway', () => {
  it.each<[string, Readonly<Record<string, readonly string[]>>, unknown]>([
    ['a user', USER_HEADERS, ALICE],
    ['a user, and others cleared', { ...USER_HEADERS, 'x-agent': [''], 'x-service': [''] }, ALICE],
    [
      'an agent',
      { 'x-agent': ['a b'], 'x-account': ['acme'] },
      { kind: 'principal', principal: { kind: 'agent', id: 'a b', account: 'acme' } },
    ],
    ['nobody', {}, refused('no_credentials')],
    ['nobody, cleared', { 'x-user': [''], 'x-account': [''] }, refused('no_credentials')],
    ['an account alone', { 'x-account': ['acme'] }, refused('no_principal')],
    ['no account', { 'x-user': ['alice'] }, refused('no_account')],
    ['two', { ...USER_HEADERS, 'x-agent': ['agent-1'] }, refused('two_principals')],
    ['the same twice', { ...USER_HEADERS, 'x-user': ['alice', 'alice'] }, refused('malformed')],
    ['one, and an empty one', { ...USER_HEADERS, 'x-user': ['', 'alice'] }, refused('malformed')],
    ['joined ones', { ...USER_HEADERS, 'x-user': ['alice, bob'] }, refused('malformed')],
    ['joined accounts', { ...USER_HEADERS, 'x-account': ['acme,globex'] }, refused('malformed')],
    ['not ASCII', { ...USER_HEADERS, 'x-user': ['al\u00eece'] }, refused('malformed')],
    ['a tab', { ...USER_HEADERS, 'x-user': ['al\tice'] }, refused('malformed')],
    ['a space at its end', { ...USER_HEADERS, 'x-user': ['alice '] }, refused('malformed')],
    ['a wildcard', { ...USER_HEADERS, 'x-user': ['*'] }, refused('malformed')],
    ['a long id', { ...USER_HEADERS, 'x-user': ['a'.repeat(1_025)] }, refused('malformed')],
  ])('say who it is: %s', async (_name, headers, expected) => {
    const { identify } = await open(['headers']);
    expect(await ask(identify, headers)).toEqual(expected);
  });

  it('are not looked at where they are not configured', async () => {
    expect(await ask((await open([])).identify, USER_HEADERS)).toEqual(refused('no_credentials'));
    expect(await ask((await open(['jwt', 'claims'])).identify, USER_HEADERS)).toEqual(refused('no_credentials'));
  });
});

describe('claims of the gateway', () => {
  it.each<[string, Readonly<Record<string, unknown>> | undefined, unknown]>([
    ['a user', { sub: 'alice', account_id: 'acme' }, ALICE],
    ['none', undefined, refused('no_credentials')],
    ['empty', {}, refused('no_principal')],
    ['two', { sub: 'alice', agent: 'a', account_id: 'acme' }, refused('two_principals')],
    ['of the wrong type', { sub: ['alice'], account_id: 'acme' }, refused('malformed')],
    [
      'inherited',
      Object.create({ sub: 'alice', account_id: 'acme' }) as Record<string, unknown>,
      refused('no_principal'),
    ],
  ])('say who it is: %s', async (_name, claims, expected) => {
    const { identify } = await open(['claims']);
    expect(await ask(identify, USER_HEADERS, claims)).toEqual(expected);
  });
});

describe('a token', () => {
  it('says who it is', async () => {
    const { identify } = await open(['jwt']);
    expect(await ask(identify, await bearer())).toEqual(ALICE);
  });

  it.each<[string, readonly string[]]>([
    ['another scheme', ['Basic YWxpY2U6']],
    ['nothing', ['']],
    ['only the scheme', ['Bearer ']],
    ['two', ['Bearer a.b.c', 'Bearer a.b.c']],
    ['two in one', ['Bearer a.b.c, Bearer a.b.c']],
  ])('that is none is refused: %s', async (_name, authorization) => {
    const { identify } = await open(['jwt', 'headers']);
    expect(await ask(identify, { ...USER_HEADERS, authorization })).toEqual(refused('malformed'));
  });

  it('that is wrong is never made up for by what is weaker, in any order', async () => {
    const expired = await bearer({ ...goodClaims(), exp: 1_000 });
    for (const from of [
      ['jwt', 'headers', 'claims'],
      ['headers', 'claims', 'jwt'],
    ] as const) {
      const { identify } = await open(from);
      const claims = { sub: 'alice', account_id: 'acme' };
      expect(await ask(identify, { ...USER_HEADERS, ...expired }, claims)).toEqual(refused('expired'));
    }
  });

  it('must be about whom the headers are about', async () => {
    const { identify } = await open(['jwt', 'headers']);
    expect(await ask(identify, { ...USER_HEADERS, ...(await bearer()) })).toEqual(ALICE);
    const forged = { ...USER_HEADERS, 'x-user': ['bob'], ...(await bearer()) };
    expect(await ask(identify, forged)).toEqual(refused('two_principals'));
  });

  it('of an issuer that is down is not known, whatever else is there', async () => {
    const { identify } = await open(['headers', 'jwt'], 'http://127.0.0.1:1/keys');
    await expect(ask(identify, { ...USER_HEADERS, ...(await bearer()) })).rejects.toMatchObject({
      name: 'UnavailableError',
      dependency: 'issuer',
    });
  });
});

describe('credentials of a client', () => {
  const none = { authorization: [], apiKey: [] };
  it.each<[string, () => Promise<{ authorization: readonly string[]; apiKey: readonly string[] }>, unknown]>([
    [
      'a token',
      async () => ({ ...none, ...(await bearer()) }),
      { kind: 'principal', principal: ALICE.principal, expiresAtMs: expect.any(Number) },
    ],
    [
      'a key',
      async () => ({ ...none, apiKey: [KEY] }),
      { kind: 'principal', principal: { kind: 'service_account', id: 'ci', account: 'acme' } },
    ],
    ['none', async () => none, { kind: 'refused', reason: 'no_credentials' }],
    ['both', async () => ({ ...(await bearer()), apiKey: [KEY] }), { kind: 'refused', reason: 'two_credentials' }],
    ['two keys', async () => ({ ...none, apiKey: [KEY, KEY] }), { kind: 'refused', reason: 'two_credentials' }],
    [
      'a key that nobody has',
      async () => ({ ...none, apiKey: [`${KEY}2`] }),
      { kind: 'refused', reason: 'unknown_key' },
    ],
    [
      'the hash of a key',
      async () => ({ ...none, apiKey: [hashToken(KEY)] }),
      { kind: 'refused', reason: 'unknown_key' },
    ],
    ['an empty key', async () => ({ ...none, apiKey: [''] }), { kind: 'refused', reason: 'malformed' }],
    [
      'a key as a token',
      async () => ({ ...none, authorization: [`Bearer ${KEY}`] }),
      { kind: 'refused', reason: 'malformed' },
    ],
  ])('prove who it is: %s', async (_name, headers, expected) => {
    const { authenticate } = await open([]);
    expect(await authenticate(await headers(), callContext())).toEqual(expected);
  });
});
