import { z } from 'zod';
import type { TcpAddress } from './address.ts';
import { isLocalAddress, parseListenerAddress, parseTcpAddress } from './address.ts';
import { isMasked } from './mask.ts';

/*
 * The kinds of leaf that the configuration has. Each says the whole of what it takes in one message, which never holds
 * the value: it may be a secret, or stand where one should.
 */

/** Characters of a secret that signs. */
export const MIN_SIGNING_SECRET_LENGTH = 32;
const MAX_IDENTIFIER_BYTES = 63;
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._-]+)+$/;
const MAX_SPIFFE_ID_LENGTH = 2048;
const MAX_EXPRESSION_LENGTH = 4096;
/** SpiceDB's rule for the names of definitions, relations and permissions. */
const SPICEDB_NAME = /^[a-z][a-z0-9_]{1,62}[a-z0-9]$/;
const SPICEDB_NAME_RULE = 'must be 3 to 64 of a-z, 0-9 and _, starting with a letter and not ending with _';
const MASKED = 'is masked (***): put the secret itself, ${NAME}, or set the environment variable';
const SERVER_ADDRESS_RULE = 'must be host:port or [ipv6]:port, with a port from 1 to 65535';
/** What can go into a gRPC or HTTP header. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** Permission bits for owner and group; none for others. */
const SOCKET_MODE = /^0?[0-7][0-7]0$/;

/** A whole number from `min` to `max`, both inclusive. */
export function integer(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.number(message).refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, message);
}

/** A number from `min` to `max`, both inclusive. */
export function fraction(min: number, max: number) {
  const message = `must be a number from ${min} to ${max}`;
  return z.number(message).refine((value) => value >= min && value <= max, message);
}

/** One of a few words. */
export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

/** `true` or `false`. */
export function flag() {
  return z.boolean('must be true or false');
}

/** Text that matches; `message` says what it must be. */
export function pattern(regex: RegExp, message: string) {
  return z.string(message).regex(regex, message);
}

/** Any text but none. */
export function text() {
  return pattern(/^[^\0]+$/, 'must be text that is not empty');
}

/** The name of a SpiceDB relation. */
export function relationName() {
  return pattern(SPICEDB_NAME, SPICEDB_NAME_RULE);
}

/** The name of a SpiceDB definition, which may have a prefix. */
export function definitionName() {
  const message = `${SPICEDB_NAME_RULE}; a prefix ends with /`;
  return z.string(message).refine((value) => value.split('/').every(isSpicedbName), message);
}

/** The base URL of an API, as clients know it. */
export function httpsUrl() {
  const message = 'must be an https:// URL without user, query or fragment';
  return z.string(message).refine((value) => {
    if (!value.startsWith('https://') || !URL.canParse(value)) return false;
    const { username, password, search, hash, href } = new URL(value);
    return `${username}${password}${search}${hash}` === '' && (href === value || href === `${value}/`);
  }, message);
}

/** What is wrong with the name of a type, which is also the name of a SpiceDB definition; undefined if nothing is. */
export function typeNameProblem(name: string): string | undefined {
  if (name === 'tenant') return 'can not be the name of a type: it is the account, which create rules refer to';
  return SPICEDB_NAME.test(name) ? undefined : `the name of a type ${SPICEDB_NAME_RULE}`;
}

/** True if SpiceDB takes it as the name of a definition or permission. */
export function isSpicedbName(name: string): boolean {
  return SPICEDB_NAME.test(name);
}

/** A column's name as it is in the catalogue, unquoted: Postgres keeps 63 bytes. */
export function columnName() {
  const message = `must be the name of a column, at most ${MAX_IDENTIFIER_BYTES} bytes`;
  return z.string(message).refine(isSqlIdentifier, message);
}

/** A table's name as it is in the catalogue, unquoted, with or without its schema. */
export function tableName() {
  const message = `must be table or schema.table, each at most ${MAX_IDENTIFIER_BYTES} bytes`;
  return z.string(message).refine((value) => {
    const parts = value.split('.');
    return parts.length <= 2 && parts.every(isSqlIdentifier);
  }, message);
}

/** An SQL expression, or the name of a column: which of the two it is, the catalogue says. */
export function sqlExpression() {
  const message = `must be a column or an SQL expression, at most ${MAX_EXPRESSION_LENGTH} characters`;
  return z.string(message).refine((value) => {
    return (
      value.trim() !== '' && value.length <= MAX_EXPRESSION_LENGTH && value.isWellFormed() && !value.includes('\0')
    );
  }, message);
}

function isSqlIdentifier(value: string): boolean {
  return (
    value !== '' && Buffer.byteLength(value) <= MAX_IDENTIFIER_BYTES && value.isWellFormed() && !value.includes('\0')
  );
}

/** Secrets that sign, each with its id, so that they can be rotated. */
export function signingKeys() {
  const key = z.object(
    {
      id: pattern(/^[a-z0-9_-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9, _ and -'),
      secret: secret(MIN_SIGNING_SECRET_LENGTH),
    },
    'must be a mapping with id and secret',
  );
  return listOf(key, 'must be a list of {id, secret}');
}

/** The name of a header, in lower case, as Node hands it over. */
export function headerName() {
  return pattern(/^[a-z0-9-]{1,64}$/, 'must be the name of a header in lower case');
}

/** A URL to fetch from, without a password in it; plain text on this machine only. */
export function httpUrl() {
  const message = 'must be a URL that starts with https:// (or http:// on loopback), without user, password and #';
  return z.string(message).refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, hostname, username, password, hash } = new URL(value);
    if (username !== '' || password !== '' || hash !== '') return false;
    const host = hostname.replace(/^\[|\]$/g, '');
    return protocol === 'https:' || (protocol === 'http:' && isLocalAddress({ kind: 'tcp', host, port: 0 }));
  }, message);
}

/** A secret that travels in a header. */
export function headerSecret() {
  const message = 'must be visible ASCII without spaces or line breaks';
  return pattern(VISIBLE_ASCII, message).refine((value) => !isMasked(value), MASKED);
}

/** The name of an HTTP header to send. */
export function sentHeaderName() {
  return pattern(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/, 'must be the name of an HTTP header');
}

/** The value of a header, which may be a secret and have spaces in it. */
export function headerText() {
  const message = 'must be visible ASCII, with spaces only between words';
  return pattern(/^[\x21-\x7e]+(?: +[\x21-\x7e]+)*$/, message).refine((value) => !isMasked(value), MASKED);
}

/** A secret of at least `minLength` characters. */
export function secret(minLength: number) {
  const message = minLength === 1 ? 'must not be empty' : `must be at least ${minLength} characters`;
  return z
    .string(message)
    .refine((value) => !isMasked(value), { error: MASKED, abort: true })
    .min(minLength, message);
}

/** A URL with one of the schemes (each with its colon), which may hold a password. */
export function secretUrl(schemes: readonly string[]) {
  const message = `must be a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return z
    .string(message)
    .refine((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol), {
      error: message,
      abort: true,
    })
    .refine((value) => !isMasked(value), MASKED);
}

/** `host:port` of a server, kept as text. */
export function serverAddress() {
  return z.string(SERVER_ADDRESS_RULE).refine((value) => isServerPort(parseTcpAddress(value)), SERVER_ADDRESS_RULE);
}

/** `host:port` of a server, parsed. */
export function parsedServerAddress() {
  return tcpAddress(SERVER_ADDRESS_RULE).refine(isServerPort, SERVER_ADDRESS_RULE);
}

function isServerPort(address: TcpAddress | undefined): boolean {
  return address !== undefined && address.port > 0;
}

/** `host:port`, parsed; port 0 is any free one. */
export function tcpAddress(message = 'must be host:port or [ipv6]:port, with a port up to 65535') {
  return z.string(message).transform((value, context) => {
    const address = parseTcpAddress(value);
    if (address !== undefined) return address;
    context.addIssue(message);
    return z.NEVER;
  });
}

/** `host:port` or `unix:/path`, parsed. */
export function listenerAddress() {
  const message = 'must be host:port, [ipv6]:port or unix:/path (absolute, at most 107 bytes)';
  return z.string(message).transform((value, context) => {
    const address = parseListenerAddress(value);
    if (address !== undefined) return address;
    context.addIssue(message);
    return z.NEVER;
  });
}

/** File permissions in octal, parsed: owner and group only, because the socket's permissions are all that guards it. */
export function socketMode() {
  const message = 'must be octal permissions in quotes without any for others, such as "0660"';
  return pattern(SOCKET_MODE, message).transform((value) => Number.parseInt(value, 8));
}

/** A SPIFFE id with a path: it is compared exactly, so there is one way to write it (SPIFFE-ID, section 2). */
export function spiffeId() {
  const message = 'must be spiffe://trust-domain/path, the trust domain in lower case';
  return pattern(SPIFFE_ID, message).max(MAX_SPIFFE_ID_LENGTH, message);
}

/** A list of at least one; `message` says what it must be. */
export function listOf<Element extends z.ZodType>(element: Element, message: string) {
  return z.array(element, message).min(1, message);
}
