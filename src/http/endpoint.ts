import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingCall, Pipeline } from '../calls/pipeline.ts';
import { DECISION_ID_HEADER } from '../calls/pipeline.ts';
import { createPeerOf } from '../calls/peers.ts';
import type { Unary } from '../calls/procedure.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { RequestHandler } from './http-server.ts';
import { hasBody, readBody } from './read-body.ts';

/** What is sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One call of a door that is no RPC: a path, a procedure, and how its requests and answers are written in HTTP. */
export interface Endpoint<Request, Answer> {
  readonly method: 'GET' | 'POST' | 'any';
  /** The path without a query, compared as it is. */
  readonly path: string;
  readonly procedure: Unary<Request, Answer>;
  /** Where the *caller* has its token. A door whose requests carry the client's `authorization` needs the other. */
  readonly callerTokenHeader: 'authorization' | 'taskgate-authorization';
  /** False: a body is not looked at. */
  readonly readsBody: boolean;
  /** @throws InvalidArgumentError */
  parse(request: IncomingMessage, body: Buffer): Request;
  toAnswer(answer: Answer, request: IncomingMessage): HttpAnswer;
  /** `status` is that of the one table; a door with statuses of its own chooses by the error. */
  toErrorAnswer(error: TaskgateError, status: number, request: IncomingMessage): HttpAnswer;
}

export interface EndpointDeps {
  readonly pipeline: Pipeline;
  readonly createDecisionId: () => string;
  readonly budget: ReceiveBudget;
}

export interface EndpointOptions {
  /** Bytes of one body; more is 413. */
  readonly maxMessageBytes: number;
}

/** An endpoint as the router takes it, its types forgotten. */
export interface ServedEndpoint extends Pick<Endpoint<never, never>, 'method' | 'path'> {
  readonly handler: RequestHandler;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** An answer in JSON. */
export function toJsonAnswer(status: number, value: unknown, headers: HttpAnswer['headers'] = {}): HttpAnswer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) };
}

/**
 * Carries endpoints over HTTP: caller first, then the body, then the pipeline. Every answer has a decision id. Nobody's
 * body is read who may not ask.
 */
export function createServeEndpoint(
  { pipeline, createDecisionId, budget }: EndpointDeps,
  { maxMessageBytes }: EndpointOptions,
) {
  const peerOf = createPeerOf();
  return <Request, Answer>(endpoint: Endpoint<Request, Answer>): ServedEndpoint => {
    const { method, path, procedure, callerTokenHeader } = endpoint;
    const send = (response: ServerResponse, { status, headers, body = '' }: HttpAnswer): void => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
    };
    const run = (request: IncomingMessage, response: ServerResponse, call: IncomingCall, body: Buffer): void => {
      const reply = pipeline.run(procedure, () => endpoint.parse(request, body), call);
      const sendReply = (ready: Awaited<typeof reply>): void =>
        send(
          response,
          ready.kind === 'message'
            ? endpoint.toAnswer(ready.message, request)
            : endpoint.toErrorAnswer(ready.error, ready.status.http, request),
        );
      if (reply instanceof Promise) void reply.then(sendReply);
      else sendReply(reply);
    };
    return {
      method,
      path,
      handler(request, response) {
        const decisionId = createDecisionId();
        response.setHeader(DECISION_ID_HEADER, decisionId);
        const call: IncomingCall = {
          transport: 'http',
          decisionId,
          timeoutMs: undefined,
          credentials: {
            peer: peerOf(request.socket, () => request.socket),
            authorization: () => headerOf(request, callerTokenHeader),
          },
          header: (name) => headerOf(request, name),
          onCancel(listener) {
            response.once('close', () => {
              if (!response.writableFinished) listener();
            });
          },
        };
        if (!endpoint.readsBody || !hasBody(request)) {
          run(request, response, call, Buffer.alloc(0));
          return;
        }
        const refusal = pipeline.refuse(procedure, call);
        if (refusal !== undefined) {
          send(response, endpoint.toErrorAnswer(refusal.error, refusal.status.http, request));
          return;
        }
        void readBody(request, { budget, maxBytes: maxMessageBytes }).then((read) => {
          switch (read.kind) {
            case 'bytes':
              return run(request, response, call, read.bytes);
            case 'too_long':
              return send(response, toJsonAnswer(413, { error: 'the body is too long' }));
            case 'overloaded':
              return send(response, toJsonAnswer(429, { error: 'overloaded: nothing was decided' }));
            case 'left':
              return undefined;
            default:
              return read satisfies never;
          }
        });
      },
    };
  };
}

/** A header that may come once; two that differ are none that is valid. */
function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
