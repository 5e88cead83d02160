import type { Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { Identity } from './certificates.ts';
import type { TestClient } from './transports.ts';
import { createConnectClient, createGrpcClient } from './transports.ts';

export interface CallerClientOptions {
  readonly addresses: { readonly grpc: string; readonly http: string };
  /** The whole `authorization` header. Default none. */
  readonly authorization?: string;
  /** TLS that trusts this authority, with a client certificate or without. Default: plain text. */
  readonly tls?: { readonly ca: string; readonly identity?: Identity };
}

/** A client for each transport, all of which prove in the same way who they are. */
export function createCallerClients({ addresses, authorization, tls }: CallerClientOptions): readonly TestClient[] {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  const addHeader: Interceptor = (next) => async (request) => {
    if (authorization !== undefined) request.header.set('authorization', authorization);
    return next(request);
  };
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(
          Buffer.from(tls.ca),
          tls.identity === undefined ? null : Buffer.from(tls.identity.key),
          tls.identity === undefined ? null : Buffer.from(tls.identity.cert),
        );
  const port = addresses.grpc.startsWith('unix:') ? undefined : addresses.grpc.split(':').at(-1);
  const target = port === undefined ? addresses.grpc : `localhost:${port}`;
  const http = {
    baseUrl: `${tls === undefined ? 'http' : 'https'}://localhost:${addresses.http.split(':').at(-1)}`,
    httpVersion: '1.1' as const,
    interceptors: [addHeader],
    nodeOptions: { family: 4, agent: false as const, ...(tls === undefined ? {} : { ca: tls.ca, ...tls.identity }) },
  };
  // Channels to the same address share connections unless they are told not to.
  const channel = { 'grpc.use_local_subchannel_pool': 1 };
  return [
    createGrpcClient('gRPC', target, channel, { channelCredentials, metadata }),
    createConnectClient('Connect JSON', createConnectTransport({ ...http, useBinaryFormat: false })),
    createConnectClient('Connect binary', createConnectTransport({ ...http, useBinaryFormat: true })),
    createConnectClient('gRPC-Web', createGrpcWebTransport(http)),
  ];
}

/** A header that presents the token. */
export function bearer(token: string): string {
  return `Bearer ${token}`;
}
