import { chmod, lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { sendUnaryData, ServerUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import type { HealthImplementation } from 'grpc-health-check';
import { InvalidArgumentError } from '../domain/errors.ts';
import { AuthorizationService } from '../gen/taskgate/v1/authorization_pb.js';
import type { Listener, ListenerDeps } from './listener.ts';
import { DECISION_ID_HEADER } from './pipeline.ts';
import type { Procedure } from './procedures.ts';
import { addReflection } from './reflection.ts';

export interface GrpcListenerOptions {
  /** `host:port` (port 0 takes a free one) or `unix:/path`. */
  readonly address: string;
  /** File mode of a unix socket. */
  readonly socketMode: number;
  readonly maxMessageBytes: number;
  /** Streams (calls) that one connection may have open. */
  readonly maxConcurrentStreams: number;
}

/** A request as it came: decoded later, in the pipeline, so that a bad one is answered as every bad request is. */
type RawRequest = Buffer;

/** Carries the procedures over gRPC on grpc-js, with health and reflection beside them. */
export async function createGrpcListener(
  deps: ListenerDeps & { readonly health: HealthImplementation },
  options: GrpcListenerOptions,
): Promise<Listener> {
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams,
  });
  const { definition, implementation } = toGrpcService(deps);
  server.addService(definition, implementation);
  deps.health.addToServer(server);
  addReflection(server);
  const address = await bind(server, options);
  return { address, close: async (graceMs) => closeServer(server, graceMs) };
}

function toGrpcService(deps: ListenerDeps) {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const procedure of deps.procedures) {
    const { method } = procedure;
    definition[method.localName] = {
      path: `/${AuthorizationService.typeName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: RawRequest) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    implementation[method.localName] = (call: ServerUnaryCall<RawRequest, Message>, reply: sendUnaryData<Message>) => {
      void answer(procedure, deps, call, reply);
    };
  }
  return { definition, implementation };
}

async function answer(
  procedure: Procedure,
  deps: ListenerDeps,
  call: ServerUnaryCall<RawRequest, Message>,
  send: sendUnaryData<Message>,
): Promise<void> {
  const decisionId = deps.createDecisionId();
  const reply = await deps.run(procedure, () => parseMessage(procedure.method.input, call.request), {
    transport: 'grpc',
    decisionId,
    timeoutMs: timeoutOf(call),
    onCancel(listener) {
      if (call.cancelled) listener();
      else call.on('cancelled', listener);
    },
  });
  const metadata = new Metadata();
  metadata.set(DECISION_ID_HEADER, decisionId);
  if (reply.kind === 'error') {
    send({ code: reply.status.grpc, details: reply.error.message, metadata });
    return;
  }
  call.sendMetadata(metadata);
  send(null, reply.message);
}

function parseMessage(schema: DescMessage, bytes: Buffer): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new InvalidArgumentError('request', `is not a valid ${schema.typeName}`, { cause });
  }
}

function timeoutOf(call: ServerUnaryCall<RawRequest, Message>): number | undefined {
  const deadline = call.getDeadline();
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(atMs) ? Math.max(0, atMs - Date.now()) : undefined;
}

async function bind(server: Server, options: GrpcListenerOptions): Promise<string> {
  const { address } = options;
  const socketPath = address.startsWith('unix:') ? address.slice('unix:'.length) : undefined;
  if (socketPath !== undefined) await removeStaleSocket(socketPath);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(new Error(`can't listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
  if (socketPath === undefined) return address.replace(/:\d+$/, `:${port}`);
  await chmod(socketPath, options.socketMode);
  return address;
}

/** A socket file that nobody listens on is what a killed process left; one that answers belongs to somebody. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`can't listen on unix:${path}: there is a file that is no socket`);
  const isTaken = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (isTaken) throw new Error(`can't listen on unix:${path}: another process does`);
  await rm(path, { force: true });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
