import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenCaller } from '../../src/callers/token-callers.ts';
import { createFindByToken, hashToken, parseBearerToken } from '../../src/callers/token-callers.ts';

const newToken = (): string => randomBytes(32).toString('base64url');
const caller = (name: string, ...tokens: readonly string[]): TokenCaller => ({
  name,
  sha256: tokens.map(hashToken),
  permissions: new Set(['check']),
});

describe('an authorization header', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER   abc', 'abc'],
    ['Bearer a-._~+/Z9==', 'a-._~+/Z9=='],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    ['', undefined],
    ['abc', undefined],
    ['Basic abc', undefined],
    ['Bearer abc def', undefined],
    ['Bearer abc, Bearer abc', undefined],
    ['Bearer a=b', undefined],
    ['Bearer =', undefined],
    [' Bearer abc', undefined],
    ['Bearer abc ', undefined],
    ['Bearer abc\n', undefined],
    ['Bearer\tabc', undefined],
    ['Bearer ünï', undefined],
    [`Bearer ${'a'.repeat(1_017)}`, 'a'.repeat(1_017)],
    [`Bearer ${'a'.repeat(1_018)}`, undefined],
  ])('%j holds the token %j', (header, token) => {
    expect(parseBearerToken(header)).toBe(token);
  });

  it('of any text is parsed at once, or is none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const token = parseBearerToken(`Bearer ${text}`);
        expect(token === undefined || text.trimStart() === token).toBe(true);
      }),
    );
  });
});

describe('a token', () => {
  it('is hashed with SHA-256', () => {
    expect(hashToken('abc')).toBe(createHash('sha256').update('abc').digest('hex'));
  });

  it('finds its caller, wherever it stands, and any of several tokens does', () => {
    const tokens = Array.from({ length: 6 }, newToken);
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = tokens;
    const find = createFindByToken([caller('first', a, b), caller('second', c), caller('third', d, e)]);
    expect(tokens.map((token) => find(token)?.name)).toEqual(['first', 'first', 'second', 'third', 'third', undefined]);
    expect(find(f)).toBeUndefined();
  });

  it('is not found by a part of it, by its hash, or in another case', () => {
    const token = `${newToken()}aB`;
    const find = createFindByToken([caller('first', token)]);
    for (const other of [token.slice(0, -1), `${token}a`, hashToken(token), token.toLowerCase(), token.toUpperCase()]) {
      expect(find(other)).toBeUndefined();
    }
  });

  it('is nobody’s where there are no callers', () => {
    expect(createFindByToken([])(newToken())).toBeUndefined();
  });
});
