import { InvalidArgumentError } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json-value.ts';
import type { JsonProblem } from '../domain/strict-json.ts';
import { parseStrictJson } from '../domain/strict-json.ts';

/** Far above that of any request. */
const MAX_DEPTH = 32;

const WORDS: Readonly<Record<JsonProblem, string>> = {
  empty: 'must not be empty',
  not_utf8: 'must be UTF-8',
  not_json: 'must be JSON',
  too_deep: `must nest at most ${MAX_DEPTH} levels`,
  repeated_key: 'must not have a key twice',
  lone_surrogate: 'must be well-formed Unicode',
  infinite_number: 'must not have a number that is too large',
};

/**
 * Parses a body of one of the doors that take JSON.
 *
 * @throws InvalidArgumentError with the field `body`.
 */
export function parseJson(body: Uint8Array): JsonValue {
  const parsed = parseStrictJson(body, { maxDepth: MAX_DEPTH });
  if (parsed.kind === 'value') return parsed.value;
  throw new InvalidArgumentError('body', WORDS[parsed.problem]);
}
