import type { JsonValue } from './json-value.ts';
import { isJsonObject } from './json-value.ts';
import { findStringEnd, readJson } from './read-json.ts';

/** Why bytes are no JSON that everybody reads in the same way. */
export type JsonProblem =
  | 'empty'
  | 'not_utf8'
  | 'not_json'
  | 'too_deep'
  | 'repeated_key'
  /** A text has half of a surrogate pair, which encoders replace, so that two texts become one. */
  | 'lone_surrogate'
  /** A number is beyond the largest. */
  | 'infinite_number';

export type ParsedJson =
  { readonly kind: 'value'; readonly value: JsonValue } | { readonly kind: 'problem'; readonly problem: JsonProblem };

/** A byte order mark is no JSON: parsers disagree on it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Parses JSON that says one thing to everybody who reads it. What `JSON.parse` passes over and two readers could take for
 * different things is a problem (RFC 8259, sections 4, 6, 8.1 and 8.2): a key that comes twice, however it is spelt, half
 * of a surrogate pair, and a number that is not finite. Depth is counted before anything is built. Never throws.
 */
export function parseStrictJson(bytes: Uint8Array, { maxDepth }: { readonly maxDepth: number }): ParsedJson {
  if (bytes.length === 0) return problem('empty');
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return problem('not_utf8');
  }
  const members = scanMembers(text, maxDepth);
  if (members === undefined) return problem('too_deep');
  let value: JsonValue;
  try {
    value = JSON.parse(text);
    if (members.hasEscapedKey) value = readJson(text);
  } catch {
    return problem('not_json');
  }
  // UTF-8 has no half of a character, so only an escape can make one.
  const found: Findings = { keys: 0, problem: undefined, hasEscapes: text.includes('\\u') };
  inspect(value, found);
  // Of those with the same name one is kept.
  if (found.keys !== members.count) return problem('repeated_key');
  return found.problem === undefined ? { kind: 'value', value } : problem(found.problem);
}

function problem(found: JsonProblem): ParsedJson {
  return { kind: 'problem', problem: found };
}

interface Members {
  /** Of all objects, each time that a key is there. */
  readonly count: number;
  readonly hasEscapedKey: boolean;
}

/** Looks through a JSON text; undefined if it nests too deeply. */
function scanMembers(text: string, maxDepth: number): Members | undefined {
  let count = 0;
  let depth = 0;
  let hasEscapedKey = false;
  /** Whether the last string has an escape: before a colon it is a key. */
  let isEscaped = false;
  let backslash = text.indexOf('\\');
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = findStringEnd(text, at);
      if (backslash !== -1 && backslash < at) backslash = text.indexOf('\\', at);
      isEscaped = backslash !== -1 && backslash < end;
      at = end;
    } else if (code === COLON) {
      count += 1;
      hasEscapedKey ||= isEscaped;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      depth += 1;
      if (depth > maxDepth) return undefined;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth -= 1;
  }
  return { count, hasEscapedKey };
}

/** What a value has, over all of its parts. */
interface Findings {
  /** Of all objects. */
  keys: number;
  problem: JsonProblem | undefined;
  readonly hasEscapes: boolean;
}

function inspect(value: JsonValue, found: Findings): void {
  if (typeof value === 'string') {
    if (found.hasEscapes && !value.isWellFormed()) found.problem = 'lone_surrogate';
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) found.problem ??= 'infinite_number';
  } else if (isJsonObject(value)) {
    for (const key in value) {
      found.keys += 1;
      if (found.hasEscapes && !key.isWellFormed()) found.problem = 'lone_surrogate';
      inspect(value[key] ?? null, found);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const element of value) inspect(element, found);
  }
}
