import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { InvalidArgumentError } from '../domain/errors.ts';

/** A JSON object. Its keys are own properties, `__proto__` included. */
export type JsonObject = Readonly<Record<string, unknown>>;

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;
const MAX_DEPTH = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Parses the body of a request as one JSON object that every parser reads in the same way: of UTF-8, without a key that is
 * there twice, and without half of a surrogate pair.
 *
 * @throws InvalidArgumentError naming `content-type` or `body`.
 */
export function parseJsonBody({ headers }: IncomingMessage, body: Buffer): JsonObject {
  const type = headers['content-type'] ?? '';
  if (type !== 'application/json' && !JSON_TYPE.test(type)) {
    throw new InvalidArgumentError('content-type', 'must be application/json in UTF-8');
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new InvalidArgumentError('content-encoding', 'must be identity');
  }
  const text = decode(body);
  const members = countMembers(text);
  if (members === undefined) throw new InvalidArgumentError('body', `must nest at most ${MAX_DEPTH} levels`);
  const value = parse(text);
  if (!isJsonObject(value)) throw new InvalidArgumentError('body', 'must be a JSON object');
  if (countKeys(value) !== members) throw new InvalidArgumentError('body', 'must not have a key twice');
  // UTF-8 has no half of a character, so only an escape can make one.
  if (text.includes('\\u') && !isWellFormed(value))
    throw new InvalidArgumentError('body', 'must be well-formed Unicode');
  return value;
}

/** True of what `{…}` becomes. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('body', 'must be JSON');
  }
}

function decode(body: Buffer): string {
  // The common case, in half of the time.
  if (isAscii(body)) return body.toString('latin1');
  if (!isUtf8(body)) throw new InvalidArgumentError('body', 'must be UTF-8');
  return body.toString();
}

/** How many members all objects of a JSON text have, each time that a key is there; undefined if it nests too deeply. */
function countMembers(text: string): number | undefined {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = findEnd(text, at);
    else if (code === COLON) members += 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      depth += 1;
      if (depth > MAX_DEPTH) return undefined;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth -= 1;
  }
  return members;
}

/** The place of the quote that ends the string which begins at `start`; the end of the text if there is none. */
function findEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

/** How many keys a value has, in all its objects. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const child of Object.values(value)) keys += countKeys(child);
  return keys;
}

/** True if no text in the value, keys included, has half of a surrogate pair. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, child]) => key.isWellFormed() && isWellFormed(child));
}
