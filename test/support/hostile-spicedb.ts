import { v1 } from '@authzed/authzed-node';
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
  ServiceError,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';

/** What a call is answered with instead of the truth: messages as bytes, or a status. */
export type HostileAnswer =
  | { readonly kind: 'messages'; readonly messages: readonly Uint8Array[] }
  | { readonly kind: 'status'; readonly code: number; readonly details: string };

/** Answers a call of one method from its request. */
export type Attack = (request: Buffer) => HostileAnswer;

/** A SpiceDB that passes calls on to a real one, except for the methods that are under attack. */
export interface HostileSpiceDb extends AsyncDisposable {
  /** On loopback. */
  readonly port: number;
  /** Answers that were not the truth. */
  readonly attacks: number;
  /** Takes the place of all attacks before; undefined for a method that is left alone. By the method's name. */
  attack(attackOf: (method: string) => Attack | undefined): void;
}

const PERMISSIONS = `/${v1.PermissionsService.typeName}/`;
const SCHEMA = `/${v1.SchemaService.typeName}/`;
const UNARY_PATHS = [
  ...['CheckPermission', 'CheckBulkPermissions', 'WriteRelationships', 'DeleteRelationships'].map(
    (name) => `${PERMISSIONS}${name}`,
  ),
  ...['ReadSchema', 'ReflectSchema'].map((name) => `${SCHEMA}${name}`),
];
const STREAMING_PATHS = [
  ...['ReadRelationships', 'LookupResources'].map((name) => `${PERMISSIONS}${name}`),
  `/${v1.WatchService.typeName}/Watch`,
];
const UNBOUNDED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

export async function startHostileSpiceDb(endpoint: string): Promise<HostileSpiceDb> {
  const upstream = new Client(endpoint, credentials.createInsecure(), UNBOUNDED);
  let attackOf: (method: string) => Attack | undefined = () => undefined;
  let attacks = 0;
  const answerFor = (path: string, request: Buffer): HostileAnswer | undefined => {
    const answer = attackOf(path.slice(path.lastIndexOf('/') + 1))?.(request);
    if (answer !== undefined) attacks += 1;
    return answer;
  };

  const unary = (path: string): handleUnaryCall<Buffer, Buffer> => {
    return (call, callback) => {
      const answer = answerFor(path, call.request);
      if (answer?.kind === 'status') callback(answer);
      else if (answer?.kind === 'messages') callback(null, Buffer.from(answer.messages[0] ?? []));
      else {
        upstream.makeUnaryRequest(path, identity, identity, call.request, (error, message) => {
          if (error === null) callback(null, message);
          else callback({ code: error.code, details: error.details });
        });
      }
    };
  };
  const streaming = (path: string): handleServerStreamingCall<Buffer, Buffer> => {
    return (call) => {
      const answer = answerFor(path, call.request);
      if (answer?.kind === 'status') {
        call.emit('error', answer);
        return;
      }
      if (answer?.kind === 'messages') {
        for (const message of answer.messages) call.write(Buffer.from(message));
        call.end();
        return;
      }
      const source = upstream.makeServerStreamRequest(path, identity, identity, call.request);
      call.on('cancelled', () => source.cancel());
      source.on('data', (message: Buffer) => void call.write(message));
      source.on('error', ({ code, details }: ServiceError) => call.emit('error', { code, details }));
      source.on('end', () => call.end());
    };
  };

  const server = new Server(UNBOUNDED);
  const handlers: UntypedServiceImplementation = Object.fromEntries([
    ...UNARY_PATHS.map((path) => [path, unary(path)] as const),
    ...STREAMING_PATHS.map((path) => [path, streaming(path)] as const),
  ]);
  server.addService(toDefinition(), handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    get attacks() {
      return attacks;
    },
    attack(next) {
      attackOf = next;
    },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      upstream.close();
    },
  };
}

function toDefinition(): ServiceDefinition {
  const toMethod = (path: string, responseStream: boolean) => ({
    path,
    requestStream: false,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  });
  return Object.fromEntries([
    ...UNARY_PATHS.map((path) => [path, toMethod(path, false)] as const),
    ...STREAMING_PATHS.map((path) => [path, toMethod(path, true)] as const),
  ]);
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
