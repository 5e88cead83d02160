import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/domain/principal.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import type { PrincipalKeyRing } from '../../src/principals/signed-principal.ts';
import { createSignedPrincipals } from '../../src/principals/signed-principal.ts';
import { createClock } from '../parents/fixtures.ts';
import { forgedParts, hostileText, nearParts } from '../support/hostile-text.ts';

const NOW_MS = 1_800_000_000_000;
const TTL_MS = 3_600_000;
const OLD = { id: 'old', secret: 'the old secret, which is long enough' };
const NEW = { id: 'new', secret: 'the new secret, which is long enough' };
const ALICE: Principal = { kind: 'user', id: 'alice', account: 'acme' };

const open = (keyRing: PrincipalKeyRing = [NEW, OLD], clock = createClock(NOW_MS)) =>
  createSignedPrincipals({ clock }, { keyRing, ttlMs: TTL_MS });
/** As it comes back: through JSON. */
const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const signed = open();
const good = signed.sign(ALICE);
const refused = (reason: string) => ({ kind: 'refused', reason });
const principal: fc.Arbitrary<Principal> = fc.record({
  kind: fc.constantFrom(...PRINCIPAL_KINDS),
  id: hostileText.filter(isUsable),
  account: hostileText.filter(isUsable),
});

function isUsable(text: string): boolean {
  return text !== '' && text !== '*' && !text.includes('\0') && text.length < 100;
}

describe('a principal that is handed out', () => {
  it('has the usual keys', () => {
    expect(good).toEqual({
      user_id: 'alice',
      service_account_id: null,
      agent_id: null,
      account_id: 'acme',
      metadata: {},
      signature: expect.stringMatching(/^1\.new\.18000\d{8}\.[A-Za-z0-9_-]{43}$/),
    });
  });

  it('is known again, whatever is in it', () => {
    fc.assert(
      fc.property(principal, (one) => {
        expect(signed.verify(roundTrip(signed.sign(one)))).toEqual({ kind: 'principal', principal: one });
      }),
    );
  });

  it('is known again whatever the order of its keys', () => {
    expect(signed.verify(Object.fromEntries(Object.entries(good).toReversed()))).toMatchObject({ kind: 'principal' });
  });

  it('is the same bytes for a while, and good for at least as long as it says and less than twice that', () => {
    const clock = createClock(NOW_MS);
    const { sign, verify } = open([NEW], clock);
    let last = sign(ALICE);
    let changes = 0;
    for (let minute = 0; minute < 120; minute += 1) {
      const next = sign(ALICE);
      if (next.signature !== last.signature) changes += 1;
      last = next;
      const atIssue = clock.nowMs();
      const expiry = Number(next.signature.split('.')[2]);
      expect(expiry - atIssue).toBeGreaterThan(TTL_MS - 1);
      expect(expiry - atIssue).toBeLessThanOrEqual(2 * TTL_MS);
      clock.advance(60_000);
    }
    expect(changes).toBeLessThanOrEqual(2);
    clock.advance(2 * TTL_MS);
    expect(verify(last)).toEqual(refused('expired'));
  });

  it('ends with what proved it', () => {
    const clock = createClock(NOW_MS);
    const { sign, verify } = open([NEW], clock);
    const short = sign(ALICE, NOW_MS + 10_000.5);
    clock.advance(9_999);
    expect(verify(short)).toMatchObject({ kind: 'principal' });
    clock.advance(1);
    expect(verify(short)).toEqual(refused('expired'));
  });

  it('stays good while its key is there', () => {
    const before = open([OLD]).sign(ALICE);
    expect(open([NEW, OLD]).verify(before)).toMatchObject({ kind: 'principal' });
    expect(open([NEW]).verify(before)).toEqual(refused('unknown_key'));
    expect(open([{ ...NEW, id: 'old' }]).verify(before)).toEqual(refused('bad_signature'));
  });
});

describe('a principal that comes back otherwise', () => {
  const { signature } = good;
  const [, keyId, expiry, mac = ''] = signature.split('.');
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'malformed'],
    ['null', null, 'malformed'],
    ['a text', 'alice', 'malformed'],
    ['a list', [good], 'malformed'],
    ['empty', {}, 'malformed'],
    ['plain, as any other provider has it', { user_id: 'alice', account_id: 'acme' }, 'malformed'],
    ['without signature', { ...good, signature: undefined }, 'malformed'],
    ['with an empty signature', { ...good, signature: '' }, 'malformed'],
    ['with a signature that is none', { ...good, signature: 7 }, 'malformed'],
    ['with a signature in a list', { ...good, signature: [signature] }, 'malformed'],
    ['with a long signature', { ...good, signature: signature.repeat(100) }, 'malformed'],
    ['with a key more', { ...good, role: 'admin' }, 'malformed'],
    ['with a prototype', JSON.parse(`{"__proto__":{},${JSON.stringify(good).slice(1)}`), 'malformed'],
    ['with a key less', (({ agent_id: _left, ...rest }) => rest)(good), 'malformed'],
    ['with metadata', { ...good, metadata: { admin: true } }, 'malformed'],
    ['with metadata that is a list', { ...good, metadata: [] }, 'malformed'],
    ['with another user', { ...good, user_id: 'bob' }, 'bad_signature'],
    ['with another account', { ...good, account_id: 'globex' }, 'bad_signature'],
    ['with two ids', { ...good, agent_id: 'agent-1' }, 'malformed'],
    ['as another kind', { ...good, user_id: null, agent_id: 'alice' }, 'bad_signature'],
    ['with id and account swapped', { ...good, user_id: 'acme', account_id: 'alice' }, 'bad_signature'],
    ['without any id', { ...good, user_id: null }, 'malformed'],
    ['without account', { ...good, account_id: null }, 'malformed'],
    ['with a numeric id', { ...good, user_id: 1 }, 'malformed'],
    ['with a wildcard', { ...good, user_id: '*' }, 'malformed'],
    ['with another version', { ...good, signature: `2${signature.slice(1)}` }, 'unknown_version'],
    ['with another key', { ...good, signature: `1.old.${expiry}.${mac}` }, 'bad_signature'],
    ['with a key that nobody has', { ...good, signature: `1.other.${expiry}.${mac}` }, 'unknown_key'],
    ['with a later end', { ...good, signature: `1.${keyId}.${Number(expiry) + 1}.${mac}` }, 'bad_signature'],
    ['with another form of its end', { ...good, signature: `1.${keyId}.0${expiry}.${mac}` }, 'malformed'],
    ['with padding', { ...good, signature: `${signature}=` }, 'malformed'],
    [
      'with the signature of another',
      { ...good, signature: signed.sign({ ...ALICE, id: 'bob' }).signature },
      'bad_signature',
    ],
  ])('is refused: %s', (_name, value, reason) => {
    expect(signed.verify(value)).toEqual(refused(reason));
  });

  it('is refused with any character changed, anywhere', () => {
    const text = JSON.stringify(good);
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
        let value: unknown;
        try {
          value = JSON.parse(changed);
        } catch {
          return;
        }
        const isSame = JSON.stringify(value) === text;
        expect(signed.verify(value).kind).toBe(isSame ? 'principal' : 'refused');
      }),
      { numRuns: 5_000 },
    );
  });

  it('is refused with the signature of any other principal, however near', () => {
    const near = fc.oneof(
      nearParts(2),
      forgedParts(2, (parts) => parts.map((part) => `${part.length}:${part}`).join('')),
    );
    fc.assert(
      fc.property(
        near,
        fc.constantFrom(...PRINCIPAL_KINDS),
        fc.constantFrom(...PRINCIPAL_KINDS),
        (pair, kindA, kindB) => {
          const [a, b] = pair.map(([id = '', account = '']) => ({ id, account }));
          if (a === undefined || b === undefined) return;
          fc.pre([a.id, a.account, b.id, b.account].every(isUsable));
          const [one, other] = [signed.sign({ ...a, kind: kindA }), signed.sign({ ...b, kind: kindB })];
          const isSame = a.id === b.id && a.account === b.account && kindA === kindB;
          expect(signed.verify({ ...one, signature: other.signature }).kind).toBe(isSame ? 'principal' : 'refused');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => signed.verify(value).kind === 'refused'),
      { numRuns: 2_000 },
    );
  });
});
