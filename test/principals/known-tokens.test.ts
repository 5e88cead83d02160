import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../parents/fixtures.ts';
import { goodClaims, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { callContext } from '../support/spicedb.ts';
import { BOUNDS, verifierOf } from './fixtures.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const TOLERANCE_MS = 5_000;
const ALICE = { kind: 'principal', principal: { kind: 'user', id: 'alice', account: 'acme' } };
const refused = (reason: string) => ({ kind: 'refused', reason });

let clock: ReturnType<typeof createClock>;
let issuer: TestIssuer;
let verifier: ReturnType<typeof verifierOf>;
let token: string;
beforeEach(async () => {
  clock = createClock(NOW_MS);
  issuer = await startIssuer();
  verifier = verifierOf(issuer, clock);
  token = await issuer.sign(goodClaims(NOW_MS));
  // The first fetches the keys, and the second finds them there.
  await verify(token);
  await verify(token);
});
afterEach(async () => {
  verifier.close();
  await issuer[Symbol.asyncDispose]();
});
const verify = (text: string) => verifier.verify(text, callContext());

describe('a token that was verified', () => {
  it('is known again at once', () => {
    expect(verify(token)).toMatchObject(ALICE);
  });

  it('is known until it is over, and not for longer', async () => {
    clock.advance(HOUR_MS + TOLERANCE_MS - 1);
    // Older keys than that are fetched anew.
    await verify(token);
    await verify(token);
    expect(verify(token)).toMatchObject(ALICE);
    clock.advance(1);
    expect(await verify(token)).toEqual(refused('expired'));
  });

  it('does not make another one known, with the same claims or a part of it changed', async () => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...goodClaims(NOW_MS), sub: 'mallory' })).toString('base64url');
    expect(await verify(`${header}.${forged}.${signature}`)).toEqual(refused('bad_signature'));
    expect(await verify(`${header}.${claims}.${'A'.repeat(signature.length)}`)).toEqual(refused('bad_signature'));
    expect(await verify(`${header}.${claims}.`)).toMatchObject({ kind: 'refused' });
    expect(verify(token)).toMatchObject(ALICE);
  });

  it('is verified again when its keys are due to be fetched, and refused when its key is gone', async () => {
    await issuer.rotate({ alone: true });
    expect(verify(token)).toMatchObject(ALICE);
    clock.advance(BOUNDS.maxAgeMs);
    expect(await verify(token)).toEqual(refused('unknown_key'));
    expect(await verify(token)).toEqual(refused('unknown_key'));
  });

  it('makes the keys be fetched in their last fifth, as any other does', async () => {
    const before = issuer.fetches();
    clock.advance(BOUNDS.maxAgeMs * 0.8);
    await verify(token);
    await expect.poll(() => issuer.fetches()).toBe(before + 1);
  });

  it('could not be told when its keys are due and can not be had', async () => {
    issuer.behave((_request, response) => void response.writeHead(500).end());
    clock.advance(BOUNDS.maxAgeMs);
    await expect(async () => verify(token)).rejects.toMatchObject({ name: 'UnavailableError' });
  });
});

it('a token that was refused is looked at again', async () => {
  const early = await issuer.sign({ ...goodClaims(NOW_MS), nbf: NOW_MS / 1_000 + 60 });
  expect(await verify(early)).toEqual(refused('bad_claims'));
  clock.advance(60_000);
  expect(await verify(early)).toMatchObject(ALICE);
});

it('a token is not known without the keys that are there now', async () => {
  let keys: object | undefined = {};
  const other = verifierOf(issuer, clock, { currentKeys: () => keys });
  const ask = () => other.verify(token, callContext());
  await ask();
  expect(ask()).not.toBeInstanceOf(Promise);
  keys = {};
  expect(ask()).toBeInstanceOf(Promise);
  await ask();
  keys = undefined;
  expect(ask()).toBeInstanceOf(Promise);
  await ask();
  other.close();
});
