import type { Http2Session } from 'node:http2';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { CallerCredentials, Peer } from '../authorize/ports-callers.ts';
import { ANONYMOUS_PEER, createPeerOf, SOCKET_PEER } from '../calls/peers.ts';

/** As much of a call as tells who asks: every kind of call has it. */
export type AskingCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getAuthContext'>;

/** What a gRPC call brings to prove who asks. */
export type GrpcCredentialsOf = (call: AskingCall) => CallerCredentials;

/** Where calls come in; `tls_certificates` is TLS that asks for client certificates. */
export type GrpcListenerKind = 'socket' | 'tcp' | 'tls_certificates';

export function createGrpcCredentialsOf(kind: GrpcListenerKind): GrpcCredentialsOf {
  const findPeer = createFindPeer(kind);
  return (call) => ({
    peer: findPeer(call),
    authorization() {
      const values = call.metadata.get('authorization');
      return values.length === 0 ? undefined : values.join(', ');
    },
  });
}

function createFindPeer(kind: GrpcListenerKind): (call: AskingCall) => Peer {
  switch (kind) {
    case 'socket':
      return () => SOCKET_PEER;
    case 'tcp':
      return () => ANONYMOUS_PEER;
    case 'tls_certificates': {
      const peerOf = createPeerOf();
      return (call) => {
        const session = sessionOf(call);
        return session === undefined ? readPeer(call) : peerOf(session, () => session.socket);
      };
    }
    default:
      return kind satisfies never;
  }
}

/**
 * The HTTP/2 session that a call is on, which grpc-js keeps to itself. Its own `getAuthContext` takes the certificate
 * apart for every call; a session is looked at once. Undefined where grpc-js is not as it is known to be.
 */
function sessionOf(call: object): Http2Session | undefined {
  const inner: unknown = Reflect.get(call, 'call');
  const stream = isObject(inner) ? Reflect.get(inner, 'stream') : undefined;
  const session = isObject(stream) ? Reflect.get(stream, 'session') : undefined;
  return isSession(session) ? session : undefined;
}

function readPeer(call: AskingCall): Peer {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined
    ? ANONYMOUS_PEER
    : { kind: 'certificate', subjectAltName: certificate.subjectaltname };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isSession(value: unknown): value is Http2Session {
  return isObject(value) && 'socket' in value && 'encrypted' in value;
}
