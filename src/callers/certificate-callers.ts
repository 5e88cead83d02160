import type { Caller } from '../domain/caller.ts';
import { UnauthenticatedError } from '../domain/errors.ts';
import { parseSubjectAltNames } from './subject-alt-names.ts';

/** A caller, and the name in its certificate; at least one of the two. */
export interface CertificateCaller extends Caller {
  /** `spiffe://trust-domain/path`, compared exactly. */
  readonly spiffeId?: string;
  /** Compared exactly, as it is written in the certificate. */
  readonly dnsName?: string;
}

/** Finds the caller of a certificate by its subject alternative names. @throws UnauthenticatedError if there is none. */
export type FindByCertificate = (subjectAltName: string | undefined) => Caller;

const SPIFFE = /^spiffe:/i;

/**
 * Tells callers by their certificates, which the TLS handshake has verified: by the SPIFFE id, else by a DNS name. Never
 * by the subject's common name.
 *
 * A certificate with a SPIFFE id and another URI is refused (X509-SVID, section 5.2: validators must reject more than one
 * URI), and so is one whose DNS names are of several callers.
 */
export function createFindByCertificate(callers: readonly CertificateCaller[]): FindByCertificate {
  const bySpiffeId = new Map(
    callers.flatMap((caller) => (caller.spiffeId === undefined ? [] : [[caller.spiffeId, caller]])),
  );
  const byDnsName = new Map(
    callers.flatMap((caller) => (caller.dnsName === undefined ? [] : [[caller.dnsName, caller]])),
  );
  return (subjectAltName) => {
    const names = parseSubjectAltNames(subjectAltName ?? '');
    if (names === undefined) throw new UnauthenticatedError('ambiguous_certificate');
    const { uris, dnsNames } = names;
    if (uris.length > 1 && uris.some((uri) => SPIFFE.test(uri)))
      throw new UnauthenticatedError('ambiguous_certificate');
    const bySvid = uris[0] === undefined ? undefined : bySpiffeId.get(uris[0]);
    if (bySvid !== undefined) return bySvid;
    const [found, ...others] = new Set(dnsNames.flatMap((name) => byDnsName.get(name) ?? []));
    if (found === undefined) throw new UnauthenticatedError('unknown_certificate');
    if (others.length > 0) throw new UnauthenticatedError('ambiguous_certificate');
    return found;
  };
}
