import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** A TCP endpoint. `host` has no brackets; `port` is 0–65,535, where 0 lets the system choose one to listen on. */
export interface TcpAddress {
  readonly kind: 'tcp';
  readonly host: string;
  readonly port: number;
}

/** A unix domain socket at an absolute path. */
export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}

/** Where a listener can be bound. */
export type ListenerAddress = TcpAddress | UnixAddress;

const TCP = /^(?:\[(?<ipv6>[^[\]]+)\]|(?<host>[^[\]:/@\s]+)):(?<port>\d{1,5})$/;
const UNIX = /^unix:(?:\/\/)?(?<path>\/[^\0]+)$/;
/** The last label has a letter: `127.1` and `256.0.0.1` are mistakes, not names. */
const HOSTNAME =
  /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*(?=[a-z0-9_-]*[a-z])[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.?$/i;
const MAX_HOSTNAME_LENGTH = 253;
const MAX_PORT = 65_535;
/** `sun_path` on Linux, less the closing NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

const WILDCARD_HOSTS = new Set(['0.0.0.0', '::']);

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Parses `host:port` or `[ipv6]:port`; undefined if it is neither. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  const { ipv6, host, port } = TCP.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > MAX_PORT) return undefined;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { kind: 'tcp', host: ipv6, port: Number(port) } : undefined;
  if (host === undefined || host.length > MAX_HOSTNAME_LENGTH) return undefined;
  return isIPv4(host) || HOSTNAME.test(host) ? { kind: 'tcp', host, port: Number(port) } : undefined;
}

/** Parses `host:port`, `[ipv6]:port` or `unix:/path`; undefined if it is none of them. */
export function parseListenerAddress(text: string): ListenerAddress | undefined {
  const path = UNIX.exec(text)?.groups?.['path'];
  if (path === undefined) return parseTcpAddress(text);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? { kind: 'unix', path } : undefined;
}

/** The text that parses to the address. */
export function formatAddress(address: ListenerAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** True for a unix socket, `localhost`, 127.0.0.0/8 and ::1: what only programs on this machine can reach. */
export function isLocalAddress(address: ListenerAddress): boolean {
  if (address.kind === 'unix' || address.host.toLowerCase() === 'localhost') return true;
  if (isIPv4(address.host)) return loopback.check(address.host, 'ipv4');
  return isIPv6(address.host) && loopback.check(address.host, 'ipv6');
}

/** True if the two can't be bound at the same time. */
export function addressesCollide(a: ListenerAddress, b: ListenerAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || WILDCARD_HOSTS.has(a.host) || WILDCARD_HOSTS.has(b.host);
}
