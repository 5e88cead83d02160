/** What a request asks for, in parts. */
export interface SplitTarget {
  /** Decoded once. The last one is empty if the path ends with a slash; no other is. */
  readonly segments: readonly string[];
  /** What follows the first `?`, not decoded; undefined without one. */
  readonly query: string | undefined;
}

/** Longer ones have no route. Node and Envoy take some 16 and 60 KiB of headers, and no id is longer than 1 KiB. */
export const MAX_TARGET_LENGTH = 8_192;

const SLASH = 0x2f;
const FIRST_VISIBLE = 0x21;
const LAST_VISIBLE = 0x7e;
const HASH = 0x23;
/** RFC 3986 `pchar` and `/`, without `;`, which some servers cut path parameters off at. */
const PATH_CHARACTERS = toTable("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@%/");
/**
 * After decoding: what another hop may take for a separator or cut off, and what could be decoded once more. A control
 * character ends a text for some (NUL), or is overlooked at the end of one (a line feed, for `$`).
 */
// oxlint-disable-next-line no-control-regex
const AMBIGUOUS = /[\u0000-\u001f\u007f-\u009f/\\;]|%[0-9a-fA-F]{2}/;

/**
 * Splits before anything is decoded, so that an encoded slash separates nothing. Everything that two servers could read
 * in two ways is refused as a whole, for whatever it would match: it is written in no other way than the one that a
 * client library writes.
 *
 * @returns undefined if it is refused
 */
export function splitTarget(target: string): SplitTarget | undefined {
  if (target.length > MAX_TARGET_LENGTH || target.charCodeAt(0) !== SLASH) return undefined;
  const mark = target.indexOf('?');
  const end = mark === -1 ? target.length : mark;
  for (let at = 0; at < end; at += 1) if (PATH_CHARACTERS[target.charCodeAt(at)] !== true) return undefined;
  for (let at = end; at < target.length; at += 1) {
    const code = target.charCodeAt(at);
    if (code < FIRST_VISIBLE || code > LAST_VISIBLE || code === HASH) return undefined;
  }
  const segments: string[] = [];
  for (let start = 1; start <= end;) {
    const slash = target.indexOf('/', start);
    const stop = slash === -1 || slash > end ? end : slash;
    const segment = decodeSegment(target.slice(start, stop));
    if (segment === undefined || (segment === '' && stop < end)) return undefined;
    segments.push(segment);
    start = stop + 1;
  }
  return { segments, query: mark === -1 ? undefined : target.slice(mark + 1) };
}

/** Undefined for what is no UTF-8, a dot segment, or ambiguous. */
function decodeSegment(raw: string): string | undefined {
  const segment = raw.includes('%') ? decodeOnce(raw) : raw;
  if (segment === undefined || segment === '.' || segment === '..') return undefined;
  return segment !== raw && AMBIGUOUS.test(segment) ? undefined : segment;
}

/** Percent-decodes once; undefined if a `%` has no two digits behind it, or the bytes are not UTF-8. */
export function decodeOnce(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

function toTable(characters: string): readonly boolean[] {
  const table: boolean[] = Array.from({ length: 128 }, () => false);
  for (const character of characters) table[character.charCodeAt(0)] = true;
  return table;
}
