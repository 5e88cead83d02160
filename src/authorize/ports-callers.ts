import type { Caller } from '../domain/caller.ts';

/**
 * The other end of a connection, as far as the connection itself proves who it is. One object for each connection, so
 * that what is found out about it can be kept with it.
 */
export type Peer =
  /** Through the unix socket: who may open it, the file's permissions say. */
  | { readonly kind: 'socket' }
  /** Over TCP, without a certificate of its own. */
  | { readonly kind: 'anonymous' }
  /** With a certificate that the configured authority has signed. `subjectAltName` as `X509Certificate` writes it. */
  | { readonly kind: 'certificate'; readonly subjectAltName: string | undefined };

/** What a call brings to prove who asks. */
export interface CallerCredentials {
  readonly peer: Peer;
  /** The `authorization` header; read only where tokens are configured. */
  authorization(): string | undefined;
}

/** Tells who asks. Never waits. @throws UnauthenticatedError if it can't be proved. */
export type AuthenticateCaller = (credentials: CallerCredentials) => Caller;

/** What a TLS listener shows, in PEM, as node:tls takes it. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** The authority of client certificates. */
  readonly ca?: string;
  readonly minVersion: 'TLSv1.2';
}

/** TLS for a listener, whose material may change while it is open. */
export interface TlsSource {
  /** What the listener is opened with. A connection without a certificate is refused where there is an authority. */
  readonly server: {
    readonly requestCert: boolean;
    readonly rejectUnauthorized: boolean;
    /** Milliseconds. */
    readonly handshakeTimeout: number;
  };
  /**
   * Milliseconds after which a connection is asked to be opened anew, once its calls are answered: a client certificate is
   * looked at when a connection begins, and one that has expired since must not be good for ever. Absent: never.
   */
  readonly maxConnectionAgeMs?: number;
  readonly current: () => TlsMaterial;
  /** Calls the listener with each later one. */
  readonly onChange: (listener: (material: TlsMaterial) => void) => void;
}

/** What is read again when its files change. */
export type ReloadedFiles = 'tokens' | 'grpc_tls' | 'http_tls' | 'jwks' | 'api_keys';

/** Told what became of changed files. Never throws and never waits. */
export interface ReloadObserver {
  reloaded(files: ReloadedFiles): void;
  /** What was there before stays in use. */
  refused(files: ReloadedFiles, error: unknown): void;
}
