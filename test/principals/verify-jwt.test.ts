import { exportSPKI, generateKeyPair, importJWK } from 'jose';
import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalJWKSet } from 'jose';
import { createClock } from '../parents/fixtures.ts';
import { goodClaims, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { callContext } from '../support/spicedb.ts';
import { verifierOf } from './fixtures.ts';

const NOW_MS = 1_800_000_000_000;
const ALICE = { kind: 'user', id: 'alice', account: 'acme' };
const good = (): JWTPayload => goodClaims(NOW_MS);
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

let issuer: TestIssuer;
let verifier: ReturnType<typeof verifierOf>;
beforeAll(async () => {
  issuer = await startIssuer();
  verifier = verifierOf(issuer, createClock(NOW_MS));
});
afterAll(async () => {
  verifier.close();
  await issuer[Symbol.asyncDispose]();
});
const verify = async (token: string) => verifier.verify(token, callContext());
const without = (name: string): JWTPayload => {
  const { [name]: _left, ...claims } = good();
  return claims;
};

describe('a token', () => {
  it.each<[string, JWTPayload, string | undefined]>([
    ['plain', good(), undefined],
    ['typed JWT', good(), 'JWT'],
    ['typed as an access token', good(), 'application/at+jwt'],
    ['for several audiences', { ...good(), aud: ['x', 'other'] }, undefined],
    ['just over, within the tolerance', { ...good(), exp: NOW_MS / 1_000 - 4 }, undefined],
  ])('proves its principal: %s', async (_name, claims, typ) => {
    const token = await issuer.sign(claims, typ === undefined ? {} : { typ });
    const expiresAtMs = Number(claims.exp) * 1_000 + 5_000;
    expect(await verify(token)).toEqual({ kind: 'principal', principal: ALICE, expiresAtMs });
  });

  it('proves a service account by a nested claim', async () => {
    const token = await issuer.sign({ ...without('sub'), app: { id: 'ci' } });
    expect(await verify(token)).toMatchObject({ principal: { kind: 'service_account', id: 'ci', account: 'acme' } });
  });

  it.each<[string, JWTPayload, string]>([
    ['is over', { ...good(), exp: NOW_MS / 1_000 - 6 }, 'expired'],
    ['is not yet good', { ...good(), nbf: NOW_MS / 1_000 + 60 }, 'bad_claims'],
    ['never ends', without('exp'), 'bad_claims'],
    ['has no audience', without('aud'), 'bad_claims'],
    ['is for another audience', { ...good(), aud: 'agentex2' }, 'bad_claims'],
    ['has no issuer', without('iss'), 'unknown_issuer'],
    ['is of another issuer', { ...good(), iss: 'https://login.example.com' }, 'unknown_issuer'],
    ['names nobody', without('sub'), 'no_principal'],
    ['names two', { ...good(), app: { id: 'ci' } }, 'two_principals'],
    ['has no account', without('account_id'), 'no_account'],
    ['has a null account', { ...good(), account_id: null }, 'no_account'],
    ['has an account that is a number', { ...good(), account_id: 7 }, 'malformed'],
    ['names everybody', { ...good(), sub: '*' }, 'malformed'],
    ['names nobody in particular', { ...good(), sub: '' }, 'malformed'],
    ['has an account that is a wildcard', { ...good(), account_id: '*' }, 'malformed'],
    ['names half a character', { ...good(), sub: '\ud800' }, 'malformed'],
    ['names somebody too long', { ...good(), sub: 'a'.repeat(1_025) }, 'malformed'],
  ])('proves nobody that %s', async (_name, claims, reason) => {
    expect(await verify(await issuer.sign(claims))).toEqual({ kind: 'refused', reason });
  });

  it('proves nobody that is typed as something else', async () => {
    for (const typ of ['logout+jwt', 'dpop+jwt', 'jwt2', '']) {
      expect(await verify(await issuer.sign(good(), { typ }))).toEqual({ kind: 'refused', reason: 'bad_type' });
    }
  });

  it('proves nobody that is longer than tokens may be', async () => {
    const token = await issuer.sign({ ...good(), padding: 'a'.repeat(4_096) });
    expect(await verify(token)).toEqual({ kind: 'refused', reason: 'malformed' });
  });

  it('proves nobody with any byte of it changed', async () => {
    const token = await issuer.sign(good());
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
      const proved = await verify(changed);
      // The last character of base64url can have bits that mean nothing.
      if (proved.kind === 'principal') expect(at).toBe(token.length - 1);
    }
  });

  it.each(['', '.', '..', 'a.b.c', 'a.b', 'a.b.c.d.e', `${encode({ alg: 'ES256' })}.${encode('x')}.`, '💥.💥.💥'])(
    'proves nobody that is none: %j',
    async (token) => {
      expect(await verify(token)).toEqual({
        kind: 'refused',
        reason: expect.stringMatching(/malformed|unknown_issuer/),
      });
    },
  );
});

describe('an algorithm', () => {
  it('must be one that is configured: none', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const token = `${encode({ alg, kid: 'key-1' })}.${encode(good())}.`;
      expect(await verify(token), alg).toMatchObject({ kind: 'refused' });
    }
  });

  it('must be one that is configured: the public key as a shared secret', async () => {
    const jwk = issuer.publicKeys()[0] ?? {};
    const pem = await exportSPKI((await importJWK({ ...jwk }, 'ES256', { extractable: true })) as never);
    for (const secret of [pem, JSON.stringify(jwk), String(jwk.x)]) {
      const token = await issuer.sign(good(), { alg: 'HS256', key: new TextEncoder().encode(secret) });
      expect(await verify(token)).toEqual({ kind: 'refused', reason: 'bad_algorithm' });
    }
  });

  it('must be one that is configured: a good key of another kind', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const token = await issuer.sign(good(), { alg: 'RS256', key: privateKey });
    expect(await verify(token)).toEqual({ kind: 'refused', reason: 'bad_algorithm' });
  });

  it('does not hold with the key of somebody else', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    expect(await verify(await issuer.sign(good(), { key: privateKey }))).toEqual({
      kind: 'refused',
      reason: 'bad_signature',
    });
  });

  it('is not asked of a key that comes with the token', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const { exportJWK, SignJWT } = await import('jose');
    const jwk = await exportJWK(publicKey);
    for (const header of [{ jwk }, { jwk, kid: 'key-1' }, { jku: issuer.url }, { crit: ['x'], x: 1 }]) {
      const token = await new SignJWT(good()).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey, {
        crit: { x: true },
      });
      expect(await verify(token)).toMatchObject({ kind: 'refused' });
    }
  });
});

it('an issuer speaks for itself only', async () => {
  await using other = await startIssuer();
  const { verify: verifyOther, close } = verifierOf(other, createClock(NOW_MS), {
    issuer: 'https://other.example.com/',
  });
  expect(await verifyOther(await issuer.sign(good()), callContext())).toEqual({
    kind: 'refused',
    reason: 'unknown_issuer',
  });
  const stolen = await issuer.sign({ ...good(), iss: 'https://other.example.com/' });
  expect(await verifyOther(stolen, callContext())).toEqual({ kind: 'refused', reason: 'bad_signature' });
  close();
});

it('a key set that can not be used is a fault of the issuer, not of the token', async () => {
  const broken = createLocalJWKSet({
    keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'key-1', alg: 'ES256' }],
  });
  const { verify: verifyBroken } = verifierOf(issuer, createClock(NOW_MS), {
    findKey: async (header, token) => broken(header, token),
  });
  await expect(verifyBroken(await issuer.sign(good()), callContext())).rejects.toMatchObject({
    name: 'UnavailableError',
    dependency: 'issuer',
  });
});
