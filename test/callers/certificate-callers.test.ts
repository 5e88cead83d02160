import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CertificateCaller } from '../../src/callers/certificate-callers.ts';
import { createFindByCertificate } from '../../src/callers/certificate-callers.ts';
import { parseSubjectAltNames } from '../../src/callers/subject-alt-names.ts';
import { UnauthenticatedError } from '../../src/domain/errors.ts';
import type { IdentityOptions } from '../support/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';

const GATEWAY = 'spiffe://example.org/gateway';
const permissions = new Set(['check'] as const);
const CALLERS: readonly CertificateCaller[] = [
  { name: 'gateway', spiffeId: GATEWAY, permissions },
  { name: 'batch', dnsName: 'batch.internal', permissions },
  { name: 'both', spiffeId: 'spiffe://example.org/both', dnsName: 'both.internal', permissions },
];

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});

async function altNamesOf(options: IdentityOptions): Promise<string | undefined> {
  return new X509Certificate((await authority.issue(options)).cert).subjectAltName;
}

/** The caller's name, or why there is none. */
async function find(options: IdentityOptions): Promise<string> {
  try {
    return createFindByCertificate(CALLERS)(await altNamesOf(options)).name;
  } catch (thrown) {
    if (thrown instanceof UnauthenticatedError) return thrown.reason;
    throw thrown;
  }
}

describe('the caller of a certificate', () => {
  it.each<[string, IdentityOptions, string]>([
    ['is found by its SPIFFE id', { uris: [GATEWAY] }, 'gateway'],
    ['is found by a DNS name', { dnsNames: ['other', 'batch.internal'], ips: ['10.0.0.1'] }, 'batch'],
    ['is found by the SPIFFE id first', { uris: [GATEWAY], dnsNames: ['batch.internal'] }, 'gateway'],
    [
      'is found by a DNS name beside a SPIFFE id of nobody',
      { uris: ['spiffe://example.org/x'], dnsNames: ['batch.internal'] },
      'batch',
    ],
    ['is found by either of its names', { dnsNames: ['both.internal'] }, 'both'],
    ['is not found without names', {}, 'unknown_certificate'],
    ['is not found by another id', { uris: ['spiffe://example.org/gateway2'] }, 'unknown_certificate'],
    ['is not found by a longer id', { uris: [`${GATEWAY}/x`] }, 'unknown_certificate'],
    ['is not found by an id of another trust domain', { uris: ['spiffe://evil.org/gateway'] }, 'unknown_certificate'],
    ['is not found in another case', { uris: ['SPIFFE://example.org/gateway'] }, 'unknown_certificate'],
    ['is not found by a wildcard', { dnsNames: ['*.internal'] }, 'unknown_certificate'],
    ['is not found by a SPIFFE id that is called a DNS name', { dnsNames: [GATEWAY] }, 'unknown_certificate'],
    ['is not found by a DNS name that is called a URI', { uris: ['batch.internal'] }, 'unknown_certificate'],
    ['is refused with two SPIFFE ids', { uris: [GATEWAY, 'spiffe://example.org/both'] }, 'ambiguous_certificate'],
    ['is refused with the same SPIFFE id twice', { uris: [GATEWAY, GATEWAY] }, 'ambiguous_certificate'],
    [
      'is refused with another URI beside the SPIFFE id',
      { uris: ['https://example.org', GATEWAY] },
      'ambiguous_certificate',
    ],
    [
      'is refused with the DNS names of two callers',
      { dnsNames: ['batch.internal', 'both.internal'] },
      'ambiguous_certificate',
    ],
    ['is not found by a name inside a DNS name', { dnsNames: [`a, URI:${GATEWAY}`] }, 'unknown_certificate'],
    [
      'is not found by a name inside a quoted DNS name',
      { dnsNames: [`a", URI:${GATEWAY}, DNS:"b`] },
      'unknown_certificate',
    ],
    ['is not found by a name inside a URI', { uris: [`https://x/, DNS:batch.internal`] }, 'unknown_certificate'],
    ['is not found by a name behind a line break', { dnsNames: [`a\nURI:${GATEWAY}`] }, 'unknown_certificate'],
    ['is not found by a name before a NUL', { dnsNames: ['batch.internal\0.evil.org'] }, 'unknown_certificate'],
    ['is not found by a name behind an escape', { dnsNames: [`a\\", URI:${GATEWAY}`] }, 'unknown_certificate'],
  ])('%s', async (_name, options, expected) => {
    expect(await find(options)).toBe(expected);
  });
});

describe('subject alternative names', () => {
  it.each([
    ['', { uris: [], dnsNames: [] }],
    ['DNS:a, URI:b, IP Address:1.2.3.4, email:x@y, DNS:c', { uris: ['b'], dnsNames: ['a', 'c'] }],
    ['DNS:"a, URI:b"', { uris: [], dnsNames: ['a, URI:b'] }],
    ['DNS:"a\\"b", URI:c', { uris: ['c'], dnsNames: ['a"b'] }],
    ['DirName:"CN=x, O=y", URI:b, Registered ID:1.2.3, othername:<unsupported>', { uris: ['b'], dnsNames: [] }],
    ['DNS:a,URI:b', undefined],
    ['DNS:a, ', undefined],
    ['DNS:a, b', undefined],
    ['DNS:a"b', undefined],
    ['DNS:"a', undefined],
    ['DNS:"a"b', undefined],
    ['DNS:"a\\x"', undefined],
    [', DNS:a', undefined],
    ['a', undefined],
  ])('%j are %j', (text, expected) => {
    expect(parseSubjectAltNames(text)).toEqual(expected);
  });

  it('as Node writes them are those of the certificate, whatever they hold', async () => {
    const hostile = fc.string({
      unit: fc.constantFrom('a', ',', ' ', '"', '\\', ':', 'URI:', 'DNS:', '\n', "'", '/'),
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          hostile.filter((name) => name !== ''),
          { minLength: 1, maxLength: 4 },
        ),
        async (dnsNames) => {
          const text = await altNamesOf({ dnsNames });
          expect(parseSubjectAltNames(text ?? '')).toEqual({ uris: [], dnsNames });
        },
      ),
      { numRuns: 60 },
    );
  });
});
