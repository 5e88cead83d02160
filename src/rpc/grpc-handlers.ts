import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { TaskgateError } from '../domain/errors.ts';
import { DeadlineExceededError, InvalidArgumentError, toTaskgateError } from '../domain/errors.ts';
import { AuthorizationService } from '../gen/taskgate/v1/authorization_pb.js';
import { toWireStatus } from '../calls/error-table.ts';
import { freeBytes } from '../calls/free-bytes.ts';
import { boundValues, notValid } from './bound-values.ts';
import type { GrpcCredentialsOf } from './grpc-peer.ts';
import type { ListenerDeps } from './listener.ts';
import type { IncomingCall, ParseRequest, Reply } from '../calls/pipeline.ts';
import { DECISION_ID_HEADER } from '../calls/pipeline.ts';
import type { Unary } from '../calls/procedure.ts';
import type { ExtAuthzProcedure } from './ext-authz/check-procedure.ts';
import type { Procedure, StreamProcedure } from './procedure.ts';
import { isStream } from './procedure.ts';
import type { UnpackRequest } from './unpack-request.ts';

/** A request as it came: decoded later, in the pipeline, so that a bad one is answered as every bad request is. */
type RawRequest = Buffer;
type UnaryCall<Answer> = ServerUnaryCall<RawRequest, Answer>;
type StreamCall = ServerWritableStream<RawRequest, Message>;
type AnyCall = UnaryCall<unknown> | StreamCall;

export interface GrpcHandlerDeps extends ListenerDeps {
  readonly credentialsOf: GrpcCredentialsOf;
  readonly unpack: UnpackRequest;
}

/** What is needed to answer a call, whichever service it is of. */
type AnswerDeps = Omit<GrpcHandlerDeps, 'procedures'>;

export interface GrpcHandlerOptions {
  /** Milliseconds that the reader of a stream may take nothing. */
  readonly stallTimeoutMs: number;
}

/** The procedures as grpc-js serves them. */
export function toGrpcService(deps: GrpcHandlerDeps, options: GrpcHandlerOptions) {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const procedure of deps.procedures) {
    const { method } = procedure;
    definition[method.localName] = {
      path: `/${AuthorizationService.typeName}/${method.name}`,
      requestStream: false,
      responseStream: isStream(procedure),
      requestSerialize: (bytes: RawRequest) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    implementation[method.localName] = isStream(procedure)
      ? (call: StreamCall) => void answerStream(procedure, deps, call, options)
      : (call: UnaryCall<Message>, send: sendUnaryData<Message>) =>
          answer(procedure, decoderOf(procedure, call, deps), deps, call, send);
  }
  return { definition, implementation };
}

/** Envoy's ext_authz as grpc-js serves it: it reads and writes bytes itself. */
export function toExtAuthzService(procedure: ExtAuthzProcedure, deps: AnswerDeps) {
  const definition: Record<string, ServiceDefinition[string]> = {
    check: {
      path: procedure.path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: RawRequest) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
  const implementation: UntypedServiceImplementation = {
    check: (call: UnaryCall<Buffer>, send: sendUnaryData<Buffer>) =>
      answer(
        procedure,
        parserOf(call, deps, (request) => procedure.parse(request)),
        deps,
        call,
        send,
      ),
  };
  return { definition, implementation };
}

function answer<Request, Answer>(
  procedure: Unary<Request, Answer>,
  parse: ParseRequest<Request>,
  deps: AnswerDeps,
  call: UnaryCall<Answer>,
  send: sendUnaryData<Answer>,
): void {
  const incoming = toIncomingCall(call, deps);
  const reply = deps.pipeline.run(procedure, parse, incoming);
  const sendReply = (ready: Reply<Answer>): void => {
    const metadata = toMetadata(incoming);
    if (ready.kind === 'error') {
      send({ code: ready.status.grpc, details: ready.error.message, metadata });
      return;
    }
    call.sendMetadata(metadata);
    send(null, ready.message);
  };
  if (reply instanceof Promise) void reply.then(sendReply);
  else sendReply(reply);
}

async function answerStream(
  procedure: StreamProcedure,
  deps: GrpcHandlerDeps,
  call: StreamCall,
  { stallTimeoutMs }: GrpcHandlerOptions,
): Promise<void> {
  const incoming = toIncomingCall(call, deps);
  const metadata = toMetadata(incoming);
  call.sendMetadata(metadata);
  try {
    for await (const message of deps.pipeline.stream(procedure, decoderOf(procedure, call, deps), incoming)) {
      if (call.cancelled) return;
      if (!call.write(message)) await drained(call, stallTimeoutMs);
    }
    call.end();
  } catch (thrown) {
    const error: TaskgateError = toTaskgateError(thrown);
    call.emit('error', { code: toWireStatus(error).grpc, details: error.message, metadata });
  }
}

/** Waits until the reader has taken what is written, or is gone. @throws DeadlineExceededError if it takes too long. */
async function drained(call: StreamCall, stallTimeoutMs: number): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const stalled = async (): Promise<never> => {
    await delay(stallTimeoutMs, undefined, { signal, ref: false });
    throw new DeadlineExceededError({ cause: 'the reader took nothing' });
  };
  const waits = [once(call, 'drain', { signal }), once(call, 'cancelled', { signal }), stalled()];
  try {
    await Promise.race(waits);
  } finally {
    waiting.abort();
    await Promise.allSettled(waits);
  }
}

function toIncomingCall(call: AnyCall, deps: AnswerDeps): IncomingCall {
  return {
    transport: 'grpc',
    decisionId: deps.createDecisionId(),
    timeoutMs: timeoutOf(call),
    credentials: deps.credentialsOf(call),
    header: (name) => onlyText(call.metadata.get(name)),
    onCancel(listener) {
      if (call.cancelled) listener();
      else call.on('cancelled', listener);
    },
  };
}

/** A key that comes twice names no trace. */
function onlyText(values: readonly unknown[]): string | undefined {
  const [value] = values;
  return values.length === 1 && typeof value === 'string' ? value : undefined;
}

function toMetadata({ decisionId }: IncomingCall): Metadata {
  const metadata = new Metadata();
  metadata.set(DECISION_ID_HEADER, decisionId);
  return metadata;
}

/** Parses a request when it is unpacked. */
function parserOf<Request>(
  call: AnyCall,
  { unpack }: AnswerDeps,
  parse: (request: Buffer) => Request,
): ParseRequest<Request> {
  return (context) => {
    const request = unpack(call.request, context);
    return request instanceof Promise ? request.then(parse) : parse(request);
  };
}

function decoderOf({ method }: Procedure, call: AnyCall, deps: AnswerDeps): ParseRequest<Message> {
  const schema: DescMessage = method.input;
  return parserOf(call, deps, (request) => {
    try {
      boundValues(schema, request);
      return fromBinary(schema, request);
    } catch (cause) {
      throw cause instanceof InvalidArgumentError ? cause : notValid(schema, cause);
    } finally {
      if (request !== call.request) freeBytes(request);
    }
  });
}

function timeoutOf(call: AnyCall): number | undefined {
  const deadline = call.getDeadline();
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(atMs) ? Math.max(0, atMs - Date.now()) : undefined;
}
