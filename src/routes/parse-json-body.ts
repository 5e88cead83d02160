import type { GatewayRequest } from '../authorize/ports-gateway.ts';
import type { JsonValue } from '../domain/json-value.ts';
import type { JsonProblem } from '../domain/strict-json.ts';
import { parseStrictJson } from '../domain/strict-json.ts';

/** A body that every parser reads in the same way, or why it is none. */
export type ParsedBody =
  | { readonly kind: 'parsed'; readonly value: JsonValue }
  /** From a closed set of words. */
  | { readonly kind: 'problem'; readonly problem: string };

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_CONTENT_TYPE_LENGTH = 256;
const PROBLEMS: Readonly<Record<JsonProblem, string>> = {
  empty: 'the body is empty',
  not_utf8: 'the body is not UTF-8',
  not_json: 'the body is not JSON',
  too_deep: 'the body nests too deeply',
  repeated_key: 'the body is not clear: a key is there twice',
  lone_surrogate: 'the body is not clear: a text has half of a surrogate pair',
  infinite_number: 'the body is not clear: a number is too large',
};
const CHARSETS = new Set(['utf-8', '"utf-8"']);

/**
 * Parses the body of a request as JSON (RFC 8259). The content type must say so, because the application may read the
 * same bytes as a form if it says something else, or in another encoding.
 */
export function parseJsonBody({ headers, body }: Pick<GatewayRequest, 'headers' | 'body'>): ParsedBody {
  if (body.kind === 'unknown') return problem('the gateway sends no body');
  if (body.kind === 'cut') return problem('the gateway sent a part of the body only');
  if (!isJsonType(headers.get('content-type'))) return problem('content-type is not JSON in UTF-8');
  if (!isPlain(headers.get('content-encoding'))) return problem('the body is encoded');
  if (body.bytes.length > MAX_BODY_BYTES) return problem('the body is too long');
  const parsed = parseStrictJson(body.bytes, { maxDepth: MAX_DEPTH });
  return parsed.kind === 'value' ? { kind: 'parsed', value: parsed.value } : problem(PROBLEMS[parsed.problem]);
}

function problem(text: string): ParsedBody {
  return { kind: 'problem', problem: text };
}

/** `application/json` or `application/…+json`, once, without a parameter but for `charset=utf-8`. */
function isJsonType(values: readonly string[] | undefined): boolean {
  const [value = '', ...others] = values ?? [];
  if (others.length > 0 || value.length > MAX_CONTENT_TYPE_LENGTH) return false;
  const [type = '', parameter, ...more] = value
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (more.length > 0 || type.includes(',')) return false;
  if (parameter !== undefined && !(parameter.startsWith('charset=') && CHARSETS.has(parameter.slice(8)))) return false;
  return type === 'application/json' || (type.startsWith('application/') && type.endsWith('+json'));
}

function isPlain(values: readonly string[] | undefined): boolean {
  return values === undefined || values.every((value) => value.trim().toLowerCase() === 'identity');
}
