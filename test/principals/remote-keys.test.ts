import { gzipSync } from 'node:zlib';
import { generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../parents/fixtures.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { goodClaims, startIssuer } from '../support/issuer.ts';
import { callContext } from '../support/spicedb.ts';
import { BOUNDS, verifierOf } from './fixtures.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_S = 3_600;
const OUTAGE = { name: 'UnavailableError', dependency: 'issuer' };
const UNKNOWN = { kind: 'refused', reason: 'unknown_key' };

let issuer: TestIssuer;
let clock: ReturnType<typeof createClock>;
let verifier: ReturnType<typeof verifierOf>;
beforeEach(async () => {
  issuer = await startIssuer();
  clock = createClock(NOW_MS);
  verifier = verifierOf(issuer, clock);
});
afterEach(async () => {
  verifier.close();
  await issuer[Symbol.asyncDispose]();
});
const sign = async (kid?: string) =>
  issuer.sign({ ...goodClaims(NOW_MS), exp: NOW_MS / 1_000 + 24 * HOUR_S }, kid === undefined ? {} : { kid });
/** Good keys in an answer that is too long. */
const padded = (length: number): string => JSON.stringify({ keys: issuer.publicKeys(), x: 'x'.repeat(length) });
const verify = async (token: string, options = {}) => verifier.verify(token, callContext(options));

describe('keys', () => {
  it('are fetched once, however many wait for them', async () => {
    const token = await sign();
    const proved = await Promise.all(Array.from({ length: 50 }, async () => verify(token)));
    expect(proved.every(({ kind }) => kind === 'principal')).toBe(true);
    expect(issuer.fetches()).toBe(1);
  });

  it('that are new are found after the cooldown, and those before stay good while they are published', async () => {
    const before = await sign();
    await verify(before);
    await issuer.rotate();
    const after = await sign();
    expect(await verify(after)).toEqual(UNKNOWN);
    clock.advance(BOUNDS.cooldownMs);
    expect(await verify(after)).toMatchObject({ kind: 'principal' });
    expect(await verify(before)).toMatchObject({ kind: 'principal' });
    expect(issuer.fetches()).toBe(2);
  });

  it('that are taken back end with their age', async () => {
    const token = await sign();
    await verify(token);
    await issuer.rotate({ alone: true });
    clock.advance(BOUNDS.maxAgeMs);
    expect(await verify(token)).toEqual(UNKNOWN);
  });

  it('are renewed before their time is up, and nobody waits for it', async () => {
    const token = await sign();
    await verify(token);
    issuer.behave(() => undefined);
    clock.advance(BOUNDS.maxAgeMs * 0.8);
    expect(await verify(token)).toMatchObject({ kind: 'principal' });
    await expect.poll(() => issuer.fetches()).toBe(2);
  });

  it('that nobody has make one fetch in a cooldown, whoever invents them', async () => {
    await verify(await sign());
    clock.advance(BOUNDS.cooldownMs);
    for (let n = 0; n < 30; n += 1) expect(await verify(await sign(`invented-${n}`))).toEqual(UNKNOWN);
    expect(issuer.fetches()).toBe(2);
  });

  it('are not fetched for a token of another issuer, or with an algorithm that is not configured', async () => {
    await verify(await issuer.sign({ ...goodClaims(NOW_MS), iss: 'x' }));
    const { privateKey } = await generateKeyPair('RS256');
    await verify(await issuer.sign(goodClaims(NOW_MS), { alg: 'RS256', key: privateKey }));
    expect(issuer.fetches()).toBe(0);
  });

  it('stay of use when one who waits leaves', async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      issuer.behave((_request, response) => {
        answer = () => response.end(JSON.stringify({ keys: issuer.publicKeys() }));
        resolve();
      });
    });
    const token = await sign();
    const leaving = new AbortController();
    const left = expect(verify(token, { signal: leaving.signal })).rejects.toMatchObject({ name: 'InternalError' });
    const stays = verify(token);
    await asked;
    leaving.abort(new Error('left'));
    await left;
    answer();
    expect(await stays).toMatchObject({ kind: 'principal' });
    expect(issuer.fetches()).toBe(1);
  });
});

describe('an issuer', () => {
  it.each<[string, Parameters<TestIssuer['behave']>[0]]>([
    ['refuses', (_request, response) => void response.writeHead(500).end()],
    ['has no such page', (_request, response) => void response.writeHead(404).end('{"keys":[]}')],
    ['redirects', (_request, response) => void response.writeHead(302, { location: '/keys' }).end()],
    ['never answers', () => undefined],
    ['never ends', (_request, response) => void response.write('{"keys":[')],
    ['hangs up', (_request, response) => void response.destroy()],
    ['answers too much', (_request, response) => void response.end(padded(20_000))],
    [
      'packs too much',
      (_request, response) => void response.setHeader('content-encoding', 'gzip').end(gzipSync(padded(500_000))),
    ],
    ['answers something else', (_request, response) => void response.end('<html>')],
    ['answers a list', (_request, response) => void response.end('[]')],
    ['has no keys', (_request, response) => void response.end('{"keys":[]}')],
    ['has keys that are none', (_request, response) => void response.end('{"keys":[null]}')],
    ['has secret keys', (_request, response) => void response.end('{"keys":[{"kty":"oct","k":"AAAA","kid":"key-1"}]}')],
  ])('that %s proves nobody and refuses nobody', async (_name, behaviour) => {
    const token = await sign();
    issuer.behave(behaviour);
    await expect(verify(token)).rejects.toMatchObject(OUTAGE);
    expect(verifier.faults).toHaveLength(1);
    // Nobody waits for it again at once.
    await expect(verify(token)).rejects.toMatchObject(OUTAGE);
    expect(issuer.fetches()).toBe(1);
    issuer.behave(undefined);
    clock.advance(1_000);
    expect(await verify(token)).toMatchObject({ kind: 'principal' });
  });

  it('that is down is asked once a second, whoever comes', async () => {
    issuer.behave((_request, response) => void response.writeHead(503).end());
    const token = await sign();
    for (let second = 0; second < 3; second += 1) {
      for (let n = 0; n < 20; n += 1) await expect(verify(token)).rejects.toMatchObject(OUTAGE);
      clock.advance(1_000);
    }
    expect(issuer.fetches()).toBe(3);
  });

  it('that is down leaves its keys good until their age, and then nothing is known', async () => {
    const token = await sign();
    await verify(token);
    issuer.behave((_request, response) => void response.writeHead(503).end());
    clock.advance(BOUNDS.maxAgeMs - 1);
    expect(await verify(token)).toMatchObject({ kind: 'principal' });
    clock.advance(1);
    await expect(verify(token)).rejects.toMatchObject(OUTAGE);
  });

  it('that is down makes an unknown key an outage, not a refusal', async () => {
    await verify(await sign());
    await issuer.rotate();
    issuer.behave((_request, response) => void response.writeHead(503).end());
    clock.advance(BOUNDS.cooldownMs);
    await expect(verify(await sign())).rejects.toMatchObject(OUTAGE);
    await expect(verify(await sign())).rejects.toMatchObject(OUTAGE);
  });
});
