/** Why a JSON text could mean two things to two parsers. */
export type JsonAmbiguity = 'a key is there twice' | 'a text has half of a surrogate pair';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds what `JSON.parse` passes over: keys that are there twice, of which parsers take the first or the last, and lone
 * surrogates, which encoders replace, so that two texts become one.
 *
 * @param json must be valid JSON, of well-formed Unicode
 */
export function findAmbiguity(json: string): JsonAmbiguity | undefined {
  /** For each open object the keys so far; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let isKeyNext = false;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case OPEN_OBJECT:
        open.push(new Set());
        isKeyNext = true;
        break;
      case OPEN_LIST:
        open.push(undefined);
        isKeyNext = false;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open.pop();
        isKeyNext = false;
        break;
      case COMMA:
        isKeyNext = open.at(-1) !== undefined;
        break;
      case QUOTE: {
        const end = findEnd(json, at);
        const text = readText(json, at, end);
        if (!text.isWellFormed()) return 'a text has half of a surrogate pair';
        const keys = open.at(-1);
        if (isKeyNext && keys !== undefined) {
          if (keys.has(text)) return 'a key is there twice';
          keys.add(text);
        }
        isKeyNext = false;
        at = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** The place of the quote that ends the text which begins at `start`. */
function findEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function readText(json: string, start: number, end: number): string {
  const raw = json.slice(start + 1, end);
  return raw.includes('\\') ? String(JSON.parse(json.slice(start, end + 1))) : raw;
}
