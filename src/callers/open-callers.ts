import type { AuthenticateCaller, ReloadedFiles, TlsSource } from '../authorize/ports-callers.ts';
import type { Caller } from '../domain/caller.ts';
import { createAuthenticator } from './authenticator.ts';
import type { CertificateCaller } from './certificate-callers.ts';
import type { Reloaded, ReloadDeps } from './reloaded-files.ts';
import { openReloaded } from './reloaded-files.ts';
import { toTlsMaterial } from './tls-material.ts';
import type { FindByToken } from './token-callers.ts';
import { createFindByToken } from './token-callers.ts';
import { parseTokenFile } from './token-file.ts';

const SECOND_MS = 1_000;
const HANDSHAKE_TIMEOUT_MS = 10 * SECOND_MS;
const MAX_CERTIFIED_AGE_MS = 30 * 60 * SECOND_MS;

/** The PEM files of a TLS listener. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile?: string;
}

export interface CallersOptions {
  readonly tokensFile?: string;
  readonly certificateCallers: readonly CertificateCaller[];
  readonly socketCaller: Caller;
  /** Milliseconds between two looks at the files. */
  readonly reloadIntervalMs: number;
  readonly grpcTls?: TlsFiles;
  readonly httpTls?: TlsFiles;
}

/** Who may ask, and what the listeners show them. */
export interface Callers extends AsyncDisposable {
  readonly authenticate: AuthenticateCaller;
  readonly grpcTls?: TlsSource;
  readonly httpTls?: TlsSource;
}

/** Reads the files of tokens and certificates, and follows their changes. @throws Error if one can't be used at first. */
export async function openCallers(deps: ReloadDeps, options: CallersOptions): Promise<Callers> {
  await using opened = new AsyncDisposableStack();
  const intervalMs = options.reloadIntervalMs;
  const openTls = async (files: ReloadedFiles, tls: TlsFiles | undefined): Promise<TlsSource | undefined> => {
    if (tls === undefined) return undefined;
    const paths = [tls.certFile, tls.keyFile, ...(tls.clientCaFile === undefined ? [] : [tls.clientCaFile])];
    const parse = ([cert = '', key = '', clientCa]: readonly string[]) =>
      toTlsMaterial({ cert, key, ...(clientCa === undefined ? {} : { clientCa }) });
    const { current, onChange } = opened.use(await openReloaded(deps, { files, paths, parse, intervalMs }));
    const asksForCertificates = tls.clientCaFile !== undefined;
    const server = {
      requestCert: asksForCertificates,
      rejectUnauthorized: asksForCertificates,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    };
    return { server, current, onChange, ...(asksForCertificates ? { maxConnectionAgeMs: MAX_CERTIFIED_AGE_MS } : {}) };
  };
  let tokens: Reloaded<FindByToken> | undefined;
  if (options.tokensFile !== undefined) {
    const taken = new Set([options.socketCaller, ...options.certificateCallers].map(({ name }) => name));
    const parse = ([text = '']: readonly string[]): FindByToken => toFindByToken(text, taken);
    tokens = opened.use(await openReloaded(deps, { files: 'tokens', paths: [options.tokensFile], parse, intervalMs }));
  }
  const grpcTls = await openTls('grpc_tls', options.grpcTls);
  const httpTls = await openTls('http_tls', options.httpTls);
  const kept = opened.move();
  return {
    authenticate: createAuthenticator(tokens === undefined ? {} : { tokens: tokens.current }, options),
    ...(grpcTls === undefined ? {} : { grpcTls }),
    ...(httpTls === undefined ? {} : { httpTls }),
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function toFindByToken(text: string, taken: ReadonlySet<string>): FindByToken {
  const parsed = parseTokenFile(text);
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join('; '));
  if (parsed.callers.some(({ name }) => taken.has(name))) throw new Error('a name is that of a configured caller too');
  return createFindByToken(parsed.callers);
}
