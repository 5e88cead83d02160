import type { ServerUnaryCall } from '@grpc/grpc-js';
import { Client, credentials, Metadata, Server } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Peer, TlsSource } from '../../src/authorize/ports-callers.ts';
import { createServerCredentials } from '../../src/rpc/grpc-credentials.ts';
import type { AskingCall, GrpcListenerKind } from '../../src/rpc/grpc-peer.ts';
import { createGrpcCredentialsOf } from '../../src/rpc/grpc-peer.ts';
import { TestAuthority } from '../support/certificates.ts';

const ID = 'spiffe://example.org/a';
const pass = (bytes: Buffer) => bytes;
const opened = new AsyncDisposableStack();
/** Calls the server over the one connection, and gives the call as the server sees it. */
let call: () => Promise<ServerUnaryCall<Buffer, Buffer>>;

beforeAll(async () => {
  const authority = await TestAuthority.create();
  const identity = await authority.issueServer();
  const { cert, key } = await authority.issue({ uris: [ID] });
  const tls: TlsSource = {
    server: { requestCert: true, rejectUnauthorized: true, handshakeTimeout: 10_000 },
    current: () => ({ ...identity, ca: authority.cert, minVersion: 'TLSv1.2' }),
    onChange() {},
  };
  const server = new Server();
  opened.defer(() => server.forceShutdown());
  let seen: ServerUnaryCall<Buffer, Buffer> | undefined;
  const method = { path: '/a.B/c', requestStream: false, responseStream: false } as const;
  const codec = {
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
  server.addService(
    { c: { ...method, ...codec } },
    {
      c(received: ServerUnaryCall<Buffer, Buffer>, send: (error: null, value: Buffer) => void) {
        seen = received;
        // Looked at while the call is under way, as the pipeline does.
        peers.push(credentialsOf(received).peer);
        send(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', createServerCredentials(tls), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new Client(
    `localhost:${port}`,
    credentials.createSsl(Buffer.from(authority.cert), Buffer.from(key), Buffer.from(cert)),
  );
  opened.defer(() => client.close());
  call = async () => {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest('/a.B/c', pass, pass, Buffer.alloc(0), new Metadata(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    if (seen === undefined) throw new Error('no call was seen');
    return seen;
  };
});
afterAll(async () => opened.disposeAsync());

const peers: Peer[] = [];
const credentialsOf = createGrpcCredentialsOf('tls_certificates');

describe('the peer of a gRPC call', () => {
  it('is read from the certificate once a connection, which grpc-js must let us see', async () => {
    await call();
    await call();
    expect(peers[0]).toEqual({ kind: 'certificate', subjectAltName: `URI:${ID}` });
    expect(peers[1]).toBe(peers[0]);
  });

  it('is what grpc-js says where its session is not to be seen', () => {
    const hidden = (certificate: { subjectaltname?: string } | undefined): AskingCall =>
      ({
        metadata: new Metadata(),
        getAuthContext: () => (certificate === undefined ? {} : { sslPeerCertificate: certificate }),
      }) as unknown as AskingCall;
    expect(credentialsOf(hidden({ subjectaltname: `URI:${ID}` })).peer).toEqual(peers[0]);
    expect(credentialsOf(hidden({})).peer).toEqual({ kind: 'certificate', subjectAltName: undefined });
    expect(credentialsOf(hidden(undefined)).peer).toEqual({ kind: 'anonymous' });
  });

  it.each<[GrpcListenerKind, Peer]>([
    ['socket', { kind: 'socket' }],
    ['tcp', { kind: 'anonymous' }],
  ])('of a %s listener is never looked at', (kind, peer) => {
    const never = (): never => {
      throw new Error('looked at');
    };
    const untouched = { metadata: new Metadata(), getAuthContext: never };
    expect(createGrpcCredentialsOf(kind)(untouched).peer).toEqual(peer);
  });
});
