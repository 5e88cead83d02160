import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Message } from '@bufbuild/protobuf';
import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { codeToString, parseTimeout } from '@connectrpc/connect/protocol-connect';
import { toWireStatus } from '../calls/error-table.ts';
import { UNCOUNTED_BYTES } from '../calls/receive-budget.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { Procedure, UnaryProcedure } from './procedure.ts';
import { isStream } from './procedure.ts';

/** Of the answer of connect-node, too: a misspelt field must not pass for one that is unset. */
export const JSON_OPTIONS = { ignoreUnknownFields: false };

const JSON_HEADERS = { 'content-type': 'application/json' };
/** The field of what can't be decoded; the decoder's own words name the one in it. */
const REQUEST = 'request';
const UTF8 = new TextDecoder();

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Carries a call over HTTP, as the doors that are no RPC are carried. */
export type ServeUnary = (endpoint: ReturnType<typeof toEndpoint>) => { readonly handler: RequestHandler };

/** Finds who answers a request by itself; undefined if it is for connect-node. */
export type FindPlainUnary = (request: IncomingMessage) => RequestHandler | undefined;

/**
 * Answers Connect's unary calls in JSON where they are as simple as nearly all are: short, not packed, and with an answer
 * that connect-node would not pack. It answers with the same bytes, from the same decoder, for a fraction of the time:
 * connect-node makes a Request with streams, an AbortSignal and Headers of each call.
 */
export function createFindPlainUnary(serve: ServeUnary, procedures: readonly Procedure[]): FindPlainUnary {
  const handlers = new Map<string | undefined, RequestHandler>();
  for (const procedure of procedures) {
    if (isStream(procedure) || !hasShortAnswer(procedure)) continue;
    const endpoint = toEndpoint(procedure);
    handlers.set(endpoint.path, serve(endpoint).handler);
  }
  return (request) => (isPlain(request) ? handlers.get(request.url) : undefined);
}

function toEndpoint(procedure: UnaryProcedure) {
  const { method } = procedure;
  return {
    method: 'POST' as const,
    path: `/${method.parent.typeName}/${method.name}`,
    transport: 'connect' as const,
    procedure,
    callerTokenHeader: 'authorization' as const,
    readsBody: true,
    timeoutMs: (request: IncomingMessage) => parseTimeout(timeoutOf(request), Infinity).timeoutMs,
    parse(_request: IncomingMessage, body: Buffer): Message {
      try {
        return fromJsonString(method.input, UTF8.decode(body), JSON_OPTIONS);
      } catch (cause) {
        throw new InvalidArgumentError(REQUEST, cause instanceof Error ? cause.message : 'is no JSON', { cause });
      }
    },
    toAnswer: (answer: Message) => ({
      status: 200,
      headers: JSON_HEADERS,
      body: toJsonString(method.output, answer),
    }),
    toErrorAnswer(error: TaskgateError, status: number) {
      const message = error instanceof InvalidArgumentError && error.field === REQUEST ? error.problem : error.message;
      const code = codeToString(toWireStatus(error).connect);
      return { status, headers: JSON_HEADERS, body: JSON.stringify({ code, message }) };
    },
  };
}

/** No field that may come any number of times. */
function hasShortAnswer({ method }: UnaryProcedure): boolean {
  return method.output.fields.every(({ fieldKind }) => fieldKind === 'scalar' || fieldKind === 'enum');
}

function isPlain(request: IncomingMessage): boolean {
  const { headers } = request;
  const bytes = Number(headers['content-length'] ?? 0);
  return (
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    bytes > 0 &&
    bytes <= UNCOUNTED_BYTES &&
    parseTimeout(timeoutOf(request), Infinity).error === undefined
  );
}

function timeoutOf({ headers }: IncomingMessage): string | null {
  const value = headers['connect-timeout-ms'];
  return typeof value === 'string' ? value : null;
}
