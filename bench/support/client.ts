import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import type { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';

const MIB = 1024 * 1024;
const identity = (bytes: Buffer): Buffer => bytes;

/** A gRPC client of taskgate for the benchmarks. */
export interface BenchClient extends Disposable {
  /** @throws Error if the call fails. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /** CheckTask. @throws Error if the call fails or is not allowed. */
  assertAllowed(request: MessageInitShape<typeof CheckTaskRequestSchema>): Promise<void>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
  ): AsyncIterable<MessageShape<O>>;
}

export function createBenchClient(target: string): BenchClient {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.max_receive_message_length': 16 * MIB });
  const call: BenchClient['call'] = async (method, request) => {
    const path = `/${method.parent.typeName}/${method.name}`;
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
    const response = await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(path, identity, identity, bytes, (error, value) => {
        if (error === null && value !== undefined) resolve(value);
        else reject(error ?? new Error('no answer'));
      });
    });
    return fromBinary(method.output, response);
  };
  return {
    call,
    async assertAllowed(request) {
      const { decision } = await call(AuthorizationService.method.checkTask, request);
      if (decision !== Decision.ALLOWED) throw new Error(`bench: CheckTask answered ${Decision[decision]}`);
    },
    async *stream(method, request) {
      const path = `/${method.parent.typeName}/${method.name}`;
      const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
      const call = client.makeServerStreamRequest<Buffer, Buffer>(path, identity, identity, bytes);
      for await (const message of call as AsyncIterable<Buffer>) yield fromBinary(method.output, message);
    },
    [Symbol.dispose]: () => client.close(),
  };
}
