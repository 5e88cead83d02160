import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transport } from '../authorize/ports.ts';
import type { Pipeline } from '../calls/pipeline.ts';
import { DECISION_ID_HEADER } from '../calls/pipeline.ts';
import { createPeerOf } from '../calls/peers.ts';
import type { Unary } from '../calls/procedure.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import { UNCOUNTED_BYTES } from '../calls/receive-budget.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { CancelledError, InvalidArgumentError, OverloadedError } from '../domain/errors.ts';
import { HttpCall } from './http-call.ts';
import type { RequestHandler } from './http-server.ts';
import { hasBody, isAtMost, readBody, readSmallBody } from './read-body.ts';

/** What is sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** More headers, whose names are not known before: a list of them costs less than an object with keys of its own. */
  readonly moreHeaders?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** One call of a door that is no RPC: a path, a procedure, and how its requests and answers are written in HTTP. */
export interface Endpoint<Request, Answer> {
  readonly method: 'GET' | 'POST' | 'any';
  /** The path without a query, compared as it is. */
  readonly path: string;
  readonly procedure: Unary<Request, Answer>;
  /** Default `http`. */
  readonly transport?: Transport;
  /** What the caller says that it waits, in milliseconds. Default: it does not say. */
  readonly timeoutMs?: (request: IncomingMessage) => number | undefined;
  /** Where the *caller* has its token. A door whose requests carry the client's `authorization` needs the other. */
  readonly callerTokenHeader: 'authorization' | 'taskgate-authorization';
  /** False: a body is not looked at. */
  readonly readsBody: boolean;
  /** @throws InvalidArgumentError */
  parse(request: IncomingMessage, body: Buffer): Request;
  toAnswer(answer: Answer, request: IncomingMessage): HttpAnswer;
  /** `status` is that of the one table; a door with statuses of its own chooses by the error. */
  toErrorAnswer(error: TaskgateError, status: number, request: IncomingMessage): HttpAnswer;
  /** Headers of whatever answer, those of errors and of the router among them. Default none. */
  readonly commonHeaders?: CommonHeaders;
}

export type CommonHeaders = (request: IncomingMessage) => Readonly<Record<string, string>>;

export interface EndpointDeps {
  readonly pipeline: Pipeline;
  readonly createDecisionId: () => string;
  readonly budget: ReceiveBudget;
}

export interface EndpointOptions {
  /** Bytes of one body; more is 413. */
  readonly maxMessageBytes: number;
  /** A body of no more bytes is read from whoever sends it, and counts in no budget. Default 4 KiB. */
  readonly uncountedBytes?: number;
}

/** An endpoint as the router takes it, its types forgotten. */
export interface ServedEndpoint extends Pick<Endpoint<never, never>, 'method' | 'path' | 'commonHeaders'> {
  readonly handler: RequestHandler;
}

const NO_BYTES = Buffer.alloc(0);
const CONTENT_TOO_LARGE = 413;
const JSON_TYPE = { 'content-type': 'application/json' };

/** An answer in JSON. */
export function toJsonAnswer(status: number, value: unknown, headers: HttpAnswer['headers'] = {}): HttpAnswer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) };
}

/**
 * Carries endpoints over HTTP: caller first, then the body, then the pipeline. Every answer has a decision id. Of whoever
 * may not ask no more than a few kilobytes are read, and nothing is parsed.
 */
export function createServeEndpoint(
  { pipeline, createDecisionId, budget }: EndpointDeps,
  { maxMessageBytes, uncountedBytes = UNCOUNTED_BYTES }: EndpointOptions,
) {
  const peerOf = createPeerOf();
  return <Request, Answer>(endpoint: Endpoint<Request, Answer>): ServedEndpoint => {
    const { method, path, procedure, callerTokenHeader, transport = 'http' } = endpoint;
    const send = (
      request: IncomingMessage,
      response: ServerResponse,
      decisionId: string,
      { status, headers, moreHeaders, body = '' }: HttpAnswer,
    ): void => {
      const bytes = Buffer.byteLength(body);
      const all = [DECISION_ID_HEADER, decisionId, 'content-length', String(bytes)];
      addHeaders(all, endpoint.commonHeaders?.(request));
      addHeaders(all, headers);
      if (moreHeaders !== undefined) for (const [name, value] of moreHeaders) all.push(name, value);
      // The headers go with the body, in its encoding: in ASCII, where both are the same, Latin-1 is written sooner.
      response.writeHead(status, all).end(body, bytes === body.length ? 'latin1' : 'utf8');
    };
    const run = (
      call: HttpCall,
      parse: () => Request,
      /** In place of the table's, for what is no fault of the request's content. */
      errorStatus?: number,
    ): void => {
      const { request, response } = call;
      const reply = pipeline.run(procedure, parse, call);
      const sendReply = (ready: Awaited<typeof reply>): void =>
        send(
          request,
          response,
          call.decisionId,
          ready.kind === 'message'
            ? endpoint.toAnswer(ready.message, request)
            : endpoint.toErrorAnswer(ready.error, errorStatus ?? ready.status.http, request),
        );
      if (reply instanceof Promise) void reply.then(sendReply);
      else sendReply(reply);
    };
    return {
      method,
      path,
      ...(endpoint.commonHeaders === undefined ? {} : { commonHeaders: endpoint.commonHeaders }),
      handler(request, response) {
        const decisionId = createDecisionId();
        const call = new HttpCall(request, response, {
          transport,
          decisionId,
          timeoutMs: endpoint.timeoutMs?.(request),
          peer: peerOf(request.socket, () => request.socket),
          callerTokenHeader,
        });
        if (!endpoint.readsBody || !hasBody(request)) {
          run(call, () => endpoint.parse(request, NO_BYTES));
          return;
        }
        if (isAtMost(request, Math.min(uncountedBytes, maxMessageBytes))) {
          readSmallBody(request, (bytes) => run(call, () => endpoint.parse(request, bytes)));
          return;
        }
        const refusal = pipeline.refuse(procedure, call);
        if (refusal !== undefined) {
          send(request, response, decisionId, endpoint.toErrorAnswer(refusal.error, refusal.status.http, request));
          return;
        }
        void readBody(request, { budget, maxBytes: maxMessageBytes }).then((read) => {
          switch (read.kind) {
            case 'bytes':
              if (response.closed) read.release();
              else response.once('close', read.release);
              return run(call, () => endpoint.parse(request, read.bytes));
            case 'too_long':
              return run(call, fail(new InvalidArgumentError('body', 'is too long')), CONTENT_TOO_LARGE);
            case 'overloaded':
              return run(call, fail(new OverloadedError()));
            case 'left':
              // Counted as what it is; there is nobody to answer.
              return run(call, fail(new CancelledError()));
            default:
              return read satisfies never;
          }
        });
      },
    };
  };
}

/** Node takes names and values in turn as they are, where it goes through an object once more. */
function addHeaders(all: string[], headers: HttpAnswer['headers'] = {}): void {
  for (const name in headers) all.push(name, headers[name] ?? '');
}

/** For a request that could not be read. */
function fail(error: TaskgateError): () => never {
  return () => {
    throw error;
  };
}
