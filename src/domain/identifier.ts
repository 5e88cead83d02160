/** SpiceDB takes object ids of up to this many bytes; an id must fit after escaping (see `relationships/object-id.ts`). */
export const MAX_IDENTIFIER_BYTES = 1024;

const PLAIN_IDENTIFIER = /^[a-zA-Z0-9/_|+-]{1,1024}$/;
/** Bytes that stand for themselves in SpiceDB's alphabet; every other byte of the UTF-8 costs three (`=XX`). */
const PLAIN_CHARACTERS = /[a-zA-Z0-9/_|+-]/g;

const REPLACEMENT_CHARACTER = '\uFFFD';

/**
 * What is wrong with an id that came from outside, or undefined if it can be used.
 *
 * U+FFFD is refused because decoders put it in place of bytes that are not UTF-8: two different inputs would be one id.
 */
export function identifierProblem(value: string): string | undefined {
  if (PLAIN_IDENTIFIER.test(value)) return undefined;
  const problem = textProblem(value);
  if (problem !== undefined) return problem;
  const plain = value.match(PLAIN_CHARACTERS)?.length ?? 0;
  const escapedBytes = plain + 3 * (Buffer.byteLength(value) - plain);
  if (escapedBytes > MAX_IDENTIFIER_BYTES) {
    return `must be at most ${MAX_IDENTIFIER_BYTES} bytes (a byte outside [a-zA-Z0-9/_|+-] counts as three)`;
  }
  return undefined;
}

/** What is wrong with a name that came from outside, or undefined if it can be used. */
export function nameProblem(value: string): string | undefined {
  if (PLAIN_IDENTIFIER.test(value)) return undefined;
  const problem = textProblem(value);
  if (problem !== undefined) return problem;
  return Buffer.byteLength(value) > MAX_IDENTIFIER_BYTES ? `must be at most ${MAX_IDENTIFIER_BYTES} bytes` : undefined;
}

function textProblem(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  if (value.length > MAX_IDENTIFIER_BYTES) return `must be at most ${MAX_IDENTIFIER_BYTES} bytes`;
  if (!value.isWellFormed() || value.includes(REPLACEMENT_CHARACTER)) return 'must be well-formed Unicode';
  if (value.includes('\0')) return 'must not contain NUL';
  return undefined;
}
