import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { Code, ConnectError, createContextKey, createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Peer } from '../authorize/ports-callers.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import type { ListenerDeps } from './listener.ts';
import { toWireStatus } from '../calls/error-table.ts';
import type { IncomingCall } from '../calls/pipeline.ts';
import { createPeerOf, ANONYMOUS_PEER } from '../calls/peers.ts';
import type { BodyLimits } from './bound-bodies.ts';
import { boundBodies } from './bound-bodies.ts';
import { notValid } from './bound-values.ts';
import type { ServeUnary } from './connect-unary.ts';
import { createFindPlainUnary, JSON_OPTIONS } from './connect-unary.ts';
import { DECISION_ID_HEADER } from '../calls/pipeline.ts';
import type { StreamProcedure, UnaryProcedure } from './procedure.ts';
import { isStream } from './procedure.ts';
import { GZIP } from './unpack-bodies.ts';

export type ConnectRoutesOptions = BodyLimits;

/** What is known of a call before connect-node is. */
interface ArrivedCall {
  readonly decisionId: string;
  readonly peer: Peer;
}

const NOBODY: ArrivedCall = { decisionId: '', peer: ANONYMOUS_PEER };
const ARRIVED = createContextKey(NOBODY);
const RPC_CONTENT_TYPE = /^application\/(?:json|proto|grpc-web(?:\+json|\+proto)?|connect\+(?:json|proto))(?:;|$)/i;
const UNSUPPORTED_CONTENT_TYPE = JSON.stringify({
  code: 'invalid_argument',
  message: 'content-type: must be application/json, application/proto, or a gRPC-Web type',
});

/**
 * A Node request handler that carries the procedures over Connect (JSON, binary) and gRPC-Web.
 *
 * The decision id is set before the request is looked at, so that the answers that connect-node makes on its own (a body
 * that can't be decoded, one that is too large) carry it too.
 */
export function createConnectRoutes(
  deps: ListenerDeps & {
    /** What the bodies of all requests hold. */
    readonly budget: ReceiveBudget;
    /** Serves what needs no connect-node. Absent: connect-node answers all. */
    readonly serve?: ServeUnary;
    /** Takes what is no RPC. */
    readonly fallback: (request: IncomingMessage, response: ServerResponse) => void;
  },
  options: ConnectRoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const findPlainUnary = deps.serve === undefined ? () => undefined : createFindPlainUnary(deps.serve, deps.procedures);
  const arrivals = new WeakMap<object, ArrivedCall>();
  const peerOf = createPeerOf();
  const pathPrefixes = [...new Set(deps.procedures.map(({ method }) => `/${method.parent.typeName}/`))];
  const requests = new Map<string | undefined, DescMessage>(
    deps.procedures.map(({ method }) => [`/${method.parent.typeName}/${method.name}`, method.input]),
  );
  // As connect-node finds who answers.
  const requestOf = (url: string | undefined): DescMessage | undefined => requests.get(url?.split('?', 1)[0]);
  const boundBody = boundBodies({ budget: deps.budget, requestOf }, options);
  const procedures = new Map(deps.procedures.map((procedure) => [procedure.method.name, procedure]));
  const adapter = connectNodeAdapter({
    readMaxBytes: options.maxMessageBytes,
    acceptCompression: [GZIP],
    grpc: false,
    jsonOptions: JSON_OPTIONS,
    // Before the body is read: nobody has bytes decoded who may not ask.
    requestGate(context) {
      const procedure = procedures.get(context.method.name);
      const refusal = procedure && deps.pipeline.refuse(procedure, toIncomingCall(context));
      if (refusal !== undefined) throw new ConnectError(refusal.error.message, refusal.status.connect);
      blameUndecodable(context);
    },
    contextValues: (request) => createContextValues().set(ARRIVED, arrivals.get(request) ?? NOBODY),
    routes(router) {
      for (const procedure of deps.procedures) {
        if (isStream(procedure)) router.rpc(procedure.method, toStreamHandler(procedure, deps));
        else router.rpc(procedure.method, toUnaryHandler(procedure, deps));
      }
    },
  });
  return (request, response) => {
    if (!pathPrefixes.some((prefix) => request.url?.startsWith(prefix) === true)) {
      deps.fallback(request, response);
      return;
    }
    const plain = request.method === 'POST' ? findPlainUnary(request) : undefined;
    if (plain !== undefined) {
      plain(request, response);
      return;
    }
    const decisionId = deps.createDecisionId();
    arrivals.set(request, { decisionId, peer: peerOf(request.socket, () => request.socket) });
    response.setHeader(DECISION_ID_HEADER, decisionId);
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST' }).end();
    } else if (RPC_CONTENT_TYPE.test(request.headers['content-type'] ?? '')) {
      boundBody(request, response, () => adapter(request, response));
    } else {
      response.writeHead(415, {
        'content-type': 'application/json',
        'accept-post': 'application/json, application/proto',
      });
      response.end(UNSUPPORTED_CONTENT_TYPE);
    }
  };
}

/** connect-node has a timer of its own for the deadline: not a caller who left, and too early if the deadline is huge. */
function listenForCancel(signal: AbortSignal, listener: () => void): void {
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    if (!(reason instanceof ConnectError && reason.code === Code.DeadlineExceeded)) listener();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
}

/**
 * connect-node calls bytes that are no message an internal error. They are the caller's mistake, as over gRPC and in
 * JSON: the code is changed when the call is aborted with that error, which is before it is encoded.
 */
function blameUndecodable({ signal, method, requestHeader }: HandlerContext): void {
  // JSON that can't be decoded is told as it should be, and a listener costs every call.
  if (requestHeader.get('content-type')?.includes('json') === true) return;
  signal.addEventListener('abort', () => {
    const reason: unknown = signal.reason;
    if (!(reason instanceof ConnectError) || !reason.rawMessage.startsWith('parse binary: ')) return;
    Object.assign(reason, {
      code: Code.InvalidArgument,
      rawMessage: notValid(method.input).message,
    });
  });
}

function toIncomingCall(context: HandlerContext): IncomingCall {
  const { decisionId, peer } = context.values.get(ARRIVED);
  return {
    transport: 'connect',
    decisionId,
    timeoutMs: context.timeoutMs(),
    credentials: {
      peer,
      authorization: () => context.requestHeader.get('authorization') ?? undefined,
    },
    header: (name) => context.requestHeader.get(name) ?? undefined,
    onCancel: (listener) => listenForCancel(context.signal, listener),
  };
}

function toUnaryHandler(procedure: UnaryProcedure, { pipeline }: ListenerDeps) {
  return async (message: Message, context: HandlerContext): Promise<Message> => {
    const reply = await pipeline.run(procedure, () => message, toIncomingCall(context));
    if (reply.kind === 'message') return reply.message;
    throw new ConnectError(reply.error.message, reply.status.connect);
  };
}

function toStreamHandler(procedure: StreamProcedure, { pipeline }: ListenerDeps) {
  return async function* handle(message: Message, context: HandlerContext): AsyncGenerator<Message> {
    const messages = pipeline.stream(procedure, () => message, toIncomingCall(context));
    // connect-node takes no more from a stream that it can't write, and does not say so.
    context.signal.addEventListener('abort', () => void messages.return(), { once: true });
    try {
      yield* messages;
    } catch (thrown) {
      const error = toTaskgateError(thrown);
      throw new ConnectError(error.message, toWireStatus(error).connect);
    }
  };
}
