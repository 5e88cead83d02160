import { v1 } from '@authzed/authzed-node';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServiceDefinition, UntypedServiceImplementation, handleUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import {
  CHECK_BULK_PERMISSIONS,
  CHECK_PERMISSION,
  WRITE_RELATIONSHIPS,
} from '../../src/relationships/spicedb-methods.ts';

/** What a fake answers with instead of a message. */
export class StatusError extends Error {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

export interface FakeAnswers {
  /** Called with what was asked; throws a `StatusError`, or never resolves. */
  readonly check?: (request: v1.CheckPermissionRequest, attempt: number) => Answer<v1.CheckPermissionResponse>;
  readonly bulk?: (request: v1.CheckBulkPermissionsRequest, attempt: number) => Answer<v1.CheckBulkPermissionsResponse>;
  readonly write?: (request: v1.WriteRelationshipsRequest, attempt: number) => Answer<v1.WriteRelationshipsResponse>;
}

type Answer<Message> = Message | Promise<Message>;

export interface FakeSpiceDb extends AsyncDisposable {
  readonly options: SpiceDbOptions;
  /** The authorization that each call carried. */
  readonly authorizations: readonly string[];
  /** The trace that each call said it is a part of; empty if none. */
  readonly traceparents: readonly string[];
  /** Resolves when a client has cancelled a call. */
  readonly cancelled: Promise<void>;
}

interface Method {
  readonly path: string;
  readonly call: handleUnaryCall<Buffer, Buffer>;
}

/** A server that speaks the protocol and answers whatever it is told to. */
export async function startFakeSpiceDb(answers: FakeAnswers): Promise<FakeSpiceDb> {
  const authorizations: string[] = [];
  const traceparents: string[] = [];
  const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();

  const toMethod = <Request extends object, Response extends object>(
    path: string,
    decode: (bytes: Buffer) => Request,
    encode: (message: Response) => Uint8Array,
    answer: ((request: Request, attempt: number) => Answer<Response>) | undefined,
  ): Method => {
    let attempt = 0;
    const respond = async (bytes: Buffer): Promise<Buffer> => {
      attempt += 1;
      if (answer === undefined) throw new StatusError(status.UNIMPLEMENTED, path);
      return Buffer.from(encode(await answer(decode(bytes), attempt)));
    };
    return {
      path,
      call: (call, callback) => {
        authorizations.push(call.metadata.get('authorization').join());
        traceparents.push(call.metadata.get('traceparent').join());
        call.on('cancelled', () => onCancelled());
        void reply(respond(call.request), callback);
      },
    };
  };

  const server = await serve([
    toMethod(
      CHECK_PERMISSION.path,
      (bytes) => v1.CheckPermissionRequest.fromBinary(bytes),
      (message: v1.CheckPermissionResponse) => v1.CheckPermissionResponse.toBinary(message),
      answers.check,
    ),
    toMethod(
      CHECK_BULK_PERMISSIONS.path,
      (bytes) => v1.CheckBulkPermissionsRequest.fromBinary(bytes),
      (message: v1.CheckBulkPermissionsResponse) => v1.CheckBulkPermissionsResponse.toBinary(message),
      answers.bulk,
    ),
    toMethod(
      WRITE_RELATIONSHIPS.path,
      (bytes) => v1.WriteRelationshipsRequest.fromBinary(bytes),
      (message: v1.WriteRelationshipsResponse) => v1.WriteRelationshipsResponse.toBinary(message),
      answers.write,
    ),
  ]);
  return {
    options: { endpoint: server.endpoint, token: 'fake-token', timeoutMs: 5_000 },
    authorizations,
    traceparents,
    cancelled,
    [Symbol.asyncDispose]: async () => server.close(),
  };
}

async function reply(answer: Promise<Buffer>, callback: sendUnaryData<Buffer>): Promise<void> {
  try {
    callback(null, await answer);
  } catch (thrown) {
    callback(thrown instanceof StatusError ? thrown : { code: status.UNKNOWN });
  }
}

async function serve(methods: readonly Method[]): Promise<{ endpoint: string; close: () => void }> {
  const server = new Server();
  const definition: ServiceDefinition = Object.fromEntries(methods.map(({ path }) => [path, toDefinition(path)]));
  const handlers: UntypedServiceImplementation = Object.fromEntries(methods.map(({ path, call }) => [path, call]));
  server.addService(definition, handlers);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  return { endpoint: `127.0.0.1:${await promise}`, close: () => server.forceShutdown() };
}

function toDefinition(path: string): ServiceDefinition[string] {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
