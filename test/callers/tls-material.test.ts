import { beforeAll, describe, expect, it } from 'vitest';
import type { TlsTexts } from '../../src/callers/tls-material.ts';
import { findTlsProblems, toTlsMaterial } from '../../src/callers/tls-material.ts';
import type { Identity } from '../support/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';

let authority: TestAuthority;
let server: Identity;
let other: Identity;
beforeAll(async () => {
  authority = await TestAuthority.create();
  server = await authority.issueServer();
  other = await authority.issueServer();
});

describe('TLS material', () => {
  it('is TLS 1.2 or later, with an authority or without', () => {
    expect(toTlsMaterial(server)).toEqual({ ...server, minVersion: 'TLSv1.2' });
    expect(toTlsMaterial({ ...server, clientCa: authority.cert })).toEqual({
      ...server,
      minVersion: 'TLSv1.2',
      ca: authority.cert,
    });
  });

  it('takes a chain, and several authorities', async () => {
    const second = await TestAuthority.create();
    const join = (...pems: readonly string[]): string => pems.join('\n');
    const texts = {
      cert: join(server.cert, authority.cert),
      key: server.key,
      clientCa: join(authority.cert, second.cert),
    };
    expect(findTlsProblems(texts)).toEqual([]);
  });

  it.each<[string, () => Partial<TlsTexts>, keyof TlsTexts]>([
    ['no certificate', () => ({ cert: '' }), 'cert'],
    ['half a certificate', () => ({ cert: server.cert.slice(0, 200) }), 'cert'],
    ['a key in place of the certificate', () => ({ cert: server.key }), 'cert'],
    ['no key', () => ({ key: '' }), 'key'],
    ['half a key', () => ({ key: server.key.slice(0, 60) }), 'key'],
    ["another certificate's key", () => ({ key: other.key }), 'key'],
    ['an empty authority', () => ({ clientCa: '' }), 'clientCa'],
    ['a key in place of the authority', () => ({ clientCa: server.key }), 'clientCa'],
  ])('with %s can not be used, and what is said holds nothing of it', (_name, change, part) => {
    const texts = { ...server, clientCa: authority.cert, ...change() };
    const problems = findTlsProblems(texts);
    expect(problems.map((problem) => problem.part)).toEqual([part]);
    expect(() => toTlsMaterial(texts)).toThrow(part);
    expect(JSON.stringify(problems)).not.toMatch(/BEGIN|[A-Za-z0-9+/]{20}/);
  });
});
