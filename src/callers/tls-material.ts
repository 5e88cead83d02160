import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsMaterial } from '../authorize/ports-callers.ts';

/** The texts of a TLS listener's files. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** What is wrong with one of the files, in words that hold nothing of it. */
export interface TlsProblem {
  readonly part: keyof TlsTexts;
  readonly problem: string;
}

/** Everything that is wrong with the files of a TLS listener. */
export function findTlsProblems({ cert, key, clientCa }: TlsTexts): readonly TlsProblem[] {
  const certificate = attempt(() => new X509Certificate(cert));
  const privateKey = attempt(() => createPrivateKey(key));
  if (certificate === undefined) return [{ part: 'cert', problem: 'is no certificate in PEM' }];
  if (privateKey === undefined) return [{ part: 'key', problem: 'is no private key in PEM without a passphrase' }];
  if (!certificate.checkPrivateKey(privateKey)) return [{ part: 'key', problem: 'is not the key of the certificate' }];
  if (clientCa !== undefined && attempt(() => new X509Certificate(clientCa)) === undefined) {
    return [{ part: 'clientCa', problem: 'is no certificate in PEM' }];
  }
  const context = attempt(() =>
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) }),
  );
  return context === undefined ? [{ part: 'cert', problem: 'can not be used for TLS' }] : [];
}

/** The material as node:tls takes it. @throws Error that says what is wrong with it. */
export function toTlsMaterial(texts: TlsTexts): TlsMaterial {
  const problems = findTlsProblems(texts).map(({ part, problem }) => `${part} ${problem}`);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const { cert, key, clientCa } = texts;
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
