import { MAX_IDENTIFIER_BYTES, identifierProblem } from '../domain/identifier.ts';

const PLAIN_ID = /^[a-zA-Z0-9/_|+-]+$/;
const ESCAPED_ID = /^(?:[a-zA-Z0-9/_|+-]|=[0-9A-F]{2})+$/;
const ESCAPE_OR_PLAIN = /=[0-9A-F]{2}|[a-zA-Z0-9/_|+-]/g;

/** `=XX` for every byte that does not stand for itself, and the character for those that do. */
const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return PLAIN_ID.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * True if an id from outside can be the id of a SpiceDB object. Sentinels have ids for which this is false, so that no
 * caller can name one.
 */
export function isEscapableId(id: string): boolean {
  return identifierProblem(id) === undefined;
}

/**
 * Writes an id in SpiceDB's alphabet, injectively: a byte of the UTF-8 outside `[a-zA-Z0-9/_|+-]` becomes `=XX`. So `*`
 * is never a wildcard, and `=` followed by anything but two upper-case hex digits is never an escaped id.
 *
 * @returns undefined for what has no injective form that SpiceDB takes: empty, not well-formed, or over 1,024 bytes.
 */
export function escapeObjectId(id: string): string | undefined {
  if (id.length > MAX_IDENTIFIER_BYTES) return undefined;
  if (PLAIN_ID.test(id)) return id;
  if (id === '' || !id.isWellFormed()) return undefined;
  let escaped = '';
  for (const byte of Buffer.from(id)) escaped += ESCAPES[byte];
  return escaped.length > MAX_IDENTIFIER_BYTES ? undefined : escaped;
}

/**
 * The id that `escapeObjectId` wrote.
 *
 * @returns undefined for anything that it can't have written, such as a sentinel or another application's object.
 */
export function unescapeObjectId(escaped: string): string | undefined {
  if (escaped.length > MAX_IDENTIFIER_BYTES) return undefined;
  if (PLAIN_ID.test(escaped)) return escaped;
  if (!ESCAPED_ID.test(escaped)) return undefined;
  const parts = escaped.match(ESCAPE_OR_PLAIN) ?? [];
  const bytes = Uint8Array.from(parts, (part) =>
    part.length === 1 ? part.charCodeAt(0) : parseInt(part.slice(1), 16),
  );
  const id = decodeUtf8(bytes);
  return id !== undefined && escapeObjectId(id) === escaped ? id : undefined;
}

/** The SpiceDB id of a sentinel. `=s` is no escape, so no id from outside can be written like this. */
export function sentinelObjectId(index: number): string {
  return `=sentinel/${index}`;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
