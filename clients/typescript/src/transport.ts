import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect } from 'node:net';
import type { Interceptor, Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';

/** What proves to taskgate who asks, and to the client that it is taskgate. PEM. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** Where taskgate listens, and which protocol it is asked in. */
export type Endpoint = { readonly tls?: TlsOptions } & (
  | {
      /** Connect over HTTP/1.1. */
      readonly transport: 'connect';
      /** `http://127.0.0.1:8080` */
      readonly baseUrl: string;
    }
  | {
      /** gRPC over HTTP/2. */
      readonly transport: 'grpc';
      /** `127.0.0.1:50051` (plain text), `unix:/run/taskgate.sock`, or a URL: `https://taskgate:50051`. */
      readonly target: string;
    }
);

/** A transport, and what ends its connections. */
export interface OpenTransport {
  readonly transport: Transport;
  readonly close: () => void;
}

/** A list's page of 10,000 ids of the greatest length fits; the library's default is 4 GiB. */
const READ_MAX_BYTES = 16 * 1024 * 1024;

/** @throws TypeError if the address is none. */
export function openTransport(
  endpoint: Endpoint,
  { interceptors, defaultTimeoutMs }: { readonly interceptors: Interceptor[]; readonly defaultTimeoutMs: number },
): OpenTransport {
  const common = { interceptors, defaultTimeoutMs, readMaxBytes: READ_MAX_BYTES, acceptCompression: [] };
  const tls = endpoint.tls ?? {};
  if (endpoint.transport === 'connect') {
    const baseUrl = parseUrl(endpoint.baseUrl);
    const agent = baseUrl.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true })
      : new HttpAgent({ keepAlive: true });
    const transport = createConnectTransport({
      ...common,
      baseUrl,
      httpVersion: '1.1',
      nodeOptions: { agent, ...tls },
    });
    return { transport, close: () => agent.destroy() };
  }
  const { baseUrl, path } = parseTarget(endpoint.target);
  const nodeOptions = path === undefined ? { ...tls } : { createConnection: () => connect(path) };
  const sessionManager = new Http2SessionManager(baseUrl, {}, nodeOptions);
  return {
    transport: createGrpcTransport({ ...common, baseUrl, sessionManager }),
    close: () => sessionManager.abort(),
  };
}

function parseTarget(target: string): { readonly baseUrl: string; readonly path?: string } {
  if (target.startsWith('unix:')) return { baseUrl: 'http://localhost', path: target.slice('unix:'.length) };
  return { baseUrl: parseUrl(target.includes('://') ? target : `http://${target}`) };
}

function parseUrl(url: string): string {
  const { protocol, href } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError('the address of taskgate is no http(s) URL');
  return href.replace(/\/$/, '');
}
