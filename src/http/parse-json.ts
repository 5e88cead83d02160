import { createDepthGauge } from '../domain/json-depth.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json-value.ts';

/** Far above that of any request. */
const MAX_DEPTH = 32;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A string, or what nests and separates: all else between them says nothing of keys. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/gs;

/**
 * Parses JSON that says one thing to everybody who reads it. A key that comes twice, a lone surrogate and a number beyond
 * the largest are refused: two readers could take them for different things (RFC 8259, sections 4, 6 and 8.2).
 *
 * @throws InvalidArgumentError with the field `body`.
 */
export function parseJson(body: Uint8Array): JsonValue {
  if (body.length === 0) throw new InvalidArgumentError('body', 'must not be empty');
  if (!createDepthGauge(MAX_DEPTH)(body)) throw new InvalidArgumentError('body', 'nests too deep');
  const { text, value } = decode(body);
  if (!isFinite(value)) throw new InvalidArgumentError('body', 'must not have a number that is too large');
  assertUnambiguous(text);
  return value;
}

function decode(body: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = UTF8.decode(body);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    throw new InvalidArgumentError('body', 'must be JSON in UTF-8', { cause });
  }
}

/** True for all that `JSON.parse` makes, but for numbers that it could not hold. */
function isFinite(value: unknown): value is JsonValue {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isFinite);
  return typeof value !== 'number' || Number.isFinite(value);
}

/** @param text valid JSON */
function assertUnambiguous(text: string): void {
  /** The keys of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let isKeyNext = false;
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token) {
      case '{':
        open.push(new Set());
        isKeyNext = true;
        break;
      case '[':
        open.push(undefined);
        isKeyNext = false;
        break;
      case '}':
      case ']':
        open.pop();
        isKeyNext = false;
        break;
      case ',':
        isKeyNext = open.at(-1) !== undefined;
        break;
      default:
        takeString(token, isKeyNext ? open.at(-1) : undefined);
        isKeyNext = false;
    }
  }
}

/** @param keys those before it, if it is a key */
function takeString(token: string, keys: Set<string> | undefined): void {
  const text: unknown = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1);
  if (typeof text !== 'string' || !text.isWellFormed()) {
    throw new InvalidArgumentError('body', 'must be well-formed Unicode');
  }
  if (keys === undefined) return;
  if (keys.has(text)) throw new InvalidArgumentError('body', 'must not have a key twice');
  keys.add(text);
}
