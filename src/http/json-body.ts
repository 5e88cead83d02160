import type { IncomingMessage } from 'node:http';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json-value.ts';
import { isJsonObject } from '../domain/json-value.ts';
import { parseJson } from './parse-json.ts';

const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;

/**
 * Parses the body of a request as one JSON object, which the content type must say that it is.
 *
 * @throws InvalidArgumentError naming `content-type`, `content-encoding` or `body`.
 */
export function parseJsonBody({ headers }: Pick<IncomingMessage, 'headers'>, body: Uint8Array): JsonObject {
  const type = headers['content-type'] ?? '';
  if (type !== 'application/json' && !JSON_TYPE.test(type)) {
    throw new InvalidArgumentError('content-type', 'must be application/json in UTF-8');
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new InvalidArgumentError('content-encoding', 'must be identity');
  }
  const value = parseJson(body);
  if (!isJsonObject(value)) throw new InvalidArgumentError('body', 'must be a JSON object');
  return value;
}
