import { AssertionError } from 'node:assert';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { TextView } from './text-views.ts';
import { toViews } from './text-views.ts';

type Body = string | Uint8Array | object;
type HeaderBag = Headers | Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** What was sent. A text is its URL. */
export type SentRequest = string | { readonly url: string; readonly headers?: HeaderBag; readonly body?: Body };

/** What came back; the result of Fastify's `inject` fits as it is. */
export interface ReceivedResponse {
  readonly statusMessage?: string;
  readonly headers: HeaderBag;
  readonly body: Body;
}

export interface HidesIdsOptions {
  /** The ids that must not be told, such as those of the test's data. Case does not matter. Default none. */
  readonly ids?: readonly string[];
  /** What any id looks like. Default: UUIDs, ULIDs and MongoDB's ids if `ids` is not given, otherwise nothing. */
  readonly patterns?: readonly RegExp[];
  /** Headers of the response that are not looked at, such as one with a new id of the request. Default none. */
  readonly ignoreHeaders?: readonly string[];
}

const ID_PATTERNS: readonly RegExp[] = [
  /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/i,
  /[0-7][\dA-HJKMNP-TV-Z]{25}/,
  /[\da-f]{24}/i,
];

/**
 * Fails if the response to a caller that was denied holds an id that was not in its request: in the status line, a header
 * or the body, as it stands or percent-encoded, escaped as in JSON or HTML, in base64 or hex, or compressed.
 *
 * An id is found as a whole word: `task-1` is not in `task-10`, nor in `xtask-1`.
 *
 * @throws AssertionError with the id and the place. TypeError if there is nothing to look for, RangeError if the response
 * can't be searched.
 */
export function assertHidesIds(request: SentRequest, response: ReceivedResponse, options: HidesIdsOptions = {}): void {
  const { ids = [], ignoreHeaders = [] } = options;
  const patterns = options.patterns ?? (options.ids === undefined ? ID_PATTERNS : []);
  if (ids.length + patterns.length === 0) throw new TypeError('no ids and no patterns: it could not fail');
  if (ids.includes('')) throw new TypeError('an empty id is in every response');

  const asked = readRequest(request).flatMap((view) => toViews(view));
  const answered = readResponse(response, ignoreHeaders).flatMap((view) => toViews(view));
  const searched = [
    ...ids.flatMap((id) => formsOf(id).map((form) => toWord(escapeForRegExp(form), 'giu'))),
    ...patterns.map(wordOf),
  ];
  for (const { text, where } of answered) {
    for (const word of searched) {
      for (const [id] of text.matchAll(word)) {
        if (asked.some((view) => toWord(escapeForRegExp(id), 'iu').test(view.text))) continue;
        throw new AssertionError({
          message: `the response holds an id that was not in the request: ${id} (${where})`,
          actual: id,
          operator: 'assertHidesIds',
          stackStartFn: assertHidesIds,
        });
      }
    }
  }
}

/** A UUID is often written without its hyphens. */
function formsOf(id: string): readonly string[] {
  return ID_PATTERNS[0]?.test(id) === true ? [id, id.replaceAll('-', '')] : [id];
}

function escapeForRegExp(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}]/g, String.raw`\$&`);
}

function wordOf(pattern: RegExp): RegExp {
  return toWord(pattern.source, [...new Set(`${pattern.flags.replace('y', '')}g`)].join(''));
}

function toWord(source: string, flags: string): RegExp {
  return new RegExp(String.raw`(?<![A-Za-z0-9])(?:${source})(?![A-Za-z0-9])`, flags);
}

function readRequest(request: SentRequest): readonly TextView[] {
  if (typeof request === 'string') return [{ text: request, where: 'url' }];
  const { url, headers = {}, body = '' } = request;
  return [{ text: url, where: 'url' }, ...readHeaders(headers), ...readBody(body, undefined)];
}

function readResponse(response: ReceivedResponse, ignored: readonly string[]): readonly TextView[] {
  const headers = readHeaders(response.headers).filter(
    ({ where }) => !ignored.some((name) => where === name.toLowerCase()),
  );
  const encoding = headers.find(({ where }) => where === 'content-encoding')?.text;
  return [{ text: response.statusMessage ?? '', where: 'status' }, ...headers, ...readBody(response.body, encoding)];
}

function readHeaders(headers: HeaderBag): readonly TextView[] {
  const entries: readonly (readonly [string, unknown])[] =
    headers instanceof Headers ? [...headers] : Object.entries(headers);
  return entries.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((text) => ({ text: String(text ?? ''), where: name.toLowerCase() })),
  );
}

function readBody(body: Body, encoding: string | undefined): readonly TextView[] {
  if (typeof body === 'string') return [{ text: body, where: 'body' }];
  if (!(body instanceof Uint8Array)) return [{ text: JSON.stringify(body), where: 'body' }];
  return [{ text: decompress(body, encoding).toString(), where: 'body' }];
}

const DECOMPRESSORS: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** Most HTTP clients decompress and leave the header as it was: what is text already is taken as it is. */
function decompress(bytes: Uint8Array, encoding = 'identity'): Buffer {
  if (encoding === 'identity') return Buffer.from(bytes);
  try {
    const decompressed = DECOMPRESSORS[encoding]?.(bytes);
    if (decompressed !== undefined) return decompressed;
  } catch {
    // Below.
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RangeError(`a body in ${encoding} can't be searched`, { cause });
  }
  return Buffer.from(bytes);
}
