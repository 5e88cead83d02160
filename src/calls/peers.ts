import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../authorize/ports-callers.ts';

/** The peer of each connection that is only known by its certificate, or not at all. */
export const SOCKET_PEER: Peer = { kind: 'socket' };
export const ANONYMOUS_PEER: Peer = { kind: 'anonymous' };

/** Finds the peer of a connection: one object for as long as the connection lives. */
export type PeerOf = (connection: object, socket: () => Socket | undefined) => Peer;

/** Reads the certificate of each connection once. */
export function createPeerOf(): PeerOf {
  const peers = new WeakMap<object, Peer>();
  return (connection, socket) => {
    const known = peers.get(connection);
    if (known !== undefined) return known;
    const peer = toPeer(socket());
    peers.set(connection, peer);
    return peer;
  };
}

/** A certificate counts only if the handshake has verified it. */
function toPeer(socket: Socket | undefined): Peer {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return ANONYMOUS_PEER;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined
    ? ANONYMOUS_PEER
    : { kind: 'certificate', subjectAltName: certificate.subjectAltName };
}
