import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { Code, ConnectError } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import type { ChannelCredentials, ChannelOptions, ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';

/** What came back, in no transport's terms. */
export type Outcome<O> =
  | { readonly kind: 'message'; readonly message: O; readonly decisionId: string | undefined }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly message: string;
      readonly decisionId: string | undefined;
    };

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A client of taskgate over one transport. */
export interface TestClient extends AsyncDisposable {
  readonly name: string;
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<Outcome<MessageShape<O>>>;
  /** The messages of a stream, and then the error that ended it, if one did. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): AsyncGenerator<MessageShape<O>, Outcome<never> | undefined>;
}

const DECISION_ID_HEADER = 'taskgate-decision-id';

/** What a gRPC client brings to prove who it is. */
export interface GrpcAuthentication {
  /** Default: plain text. */
  readonly channelCredentials?: ChannelCredentials;
  /** Sent with each call. Default none. */
  readonly metadata?: Metadata;
}

export function createGrpcClient(
  name: string,
  target: string,
  channel: ChannelOptions = {},
  { channelCredentials = credentials.createInsecure(), metadata = new Metadata() }: GrpcAuthentication = {},
): TestClient {
  const client = new Client(target, channelCredentials, channel);
  return {
    name,
    async call(method, request, options = {}) {
      return new Promise((resolve) => {
        let decisionId: string | undefined;
        const callOptions = options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
        const call = client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (bytes: Uint8Array) => Buffer.from(bytes),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          toBinary(method.input, create(method.input, request)),
          metadata,
          callOptions,
          (error: ServiceError | null, message) => {
            if (message !== undefined && error === null) resolve({ kind: 'message', message, decisionId });
            else resolve(toErrorOutcome(error, decisionId));
          },
        );
        call.on('metadata', (metadata) => {
          decisionId = metadata.get(DECISION_ID_HEADER)[0]?.toString();
        });
        options.signal?.addEventListener('abort', () => call.cancel());
      });
    },
    async *stream(method, request, options = {}) {
      const call = client.makeServerStreamRequest(
        `/${method.parent.typeName}/${method.name}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        toBinary(method.input, create(method.input, request)),
        metadata,
        options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
      );
      options.signal?.addEventListener('abort', () => call.cancel());
      let decisionId: string | undefined;
      call.on('metadata', (metadata) => {
        decisionId = metadata.get(DECISION_ID_HEADER)[0]?.toString();
      });
      try {
        for await (const message of call) yield message as MessageShape<typeof method.output>;
        return undefined;
      } catch (thrown) {
        return toErrorOutcome(thrown as ServiceError, decisionId);
      }
    },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

function toErrorOutcome(error: ServiceError | null, decisionId: string | undefined): Outcome<never> {
  return {
    kind: 'error',
    code: status[error?.code ?? status.UNKNOWN],
    message: error?.details ?? '',
    decisionId: error?.metadata.get(DECISION_ID_HEADER)[0]?.toString() ?? decisionId,
  };
}

export function createConnectClient(name: string, transport: Transport): TestClient {
  return {
    name,
    async call(method, request, options = {}) {
      try {
        const response = await transport.unary(method, options.signal, options.timeoutMs, undefined, request);
        const decisionId = response.header.get(DECISION_ID_HEADER) ?? undefined;
        return { kind: 'message', message: response.message, decisionId };
      } catch (thrown) {
        return fromConnectError(thrown);
      }
    },
    async *stream(method, request, options = {}) {
      async function* one(): AsyncGenerator<MessageInitShape<typeof method.input>> {
        yield request;
      }
      try {
        const response = await transport.stream(method, options.signal, options.timeoutMs, undefined, one());
        yield* response.message;
        return undefined;
      } catch (thrown) {
        return fromConnectError(thrown);
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function fromConnectError(thrown: unknown): Outcome<never> {
  const error = ConnectError.from(thrown);
  return {
    kind: 'error',
    code: GRPC_NAME_BY_CODE.get(error.code) ?? 'UNKNOWN',
    message: error.rawMessage,
    decisionId: error.metadata.get(DECISION_ID_HEADER) ?? undefined,
  };
}

const GRPC_NAME_BY_CODE: ReadonlyMap<Code, string> = new Map(
  Object.values(Code).flatMap((code) => (typeof code === 'number' ? [[code, status[code] ?? 'UNKNOWN'] as const] : [])),
);

export const TRANSPORT_NAMES = ['gRPC/TCP', 'gRPC/UDS', 'Connect JSON', 'Connect binary', 'gRPC-Web'] as const;

/** One client for each transport that taskgate speaks, in the order of their names. */
export function createAllClients(addresses: {
  readonly grpc: string;
  readonly socket: string;
  readonly http: string;
}): readonly TestClient[] {
  const http = { baseUrl: `http://${addresses.http}`, httpVersion: '1.1' as const };
  return [
    createGrpcClient('gRPC/TCP', addresses.grpc),
    createGrpcClient('gRPC/UDS', addresses.socket),
    createConnectClient('Connect JSON', createConnectTransport({ ...http, useBinaryFormat: false })),
    createConnectClient('Connect binary', createConnectTransport({ ...http, useBinaryFormat: true })),
    createConnectClient('gRPC-Web', createGrpcWebTransport(http)),
  ];
}
