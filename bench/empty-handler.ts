// The reference: an empty unary handler on grpc-js that takes and gives the same messages as CheckTask.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { AuthorizationService, CheckTaskResponseSchema, Decision } from '../src/gen/taskgate/v1/authorization_pb.js';

const { checkTask } = AuthorizationService.method;
const response = create(CheckTaskResponseSchema, {
  decision: Decision.ALLOWED,
  taskId: 'task-1',
  checkedAt: 'GhUKEzE3OTU1NzE4MzgwMDAwMDAwMDA=',
});

const server = new Server();
server.addService(
  {
    checkTask: {
      path: `/${AuthorizationService.typeName}/${checkTask.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => fromBinary(checkTask.input, bytes),
      responseSerialize: (message: typeof response) => Buffer.from(toBinary(checkTask.output, message)),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  { checkTask: (_call: unknown, send: (error: null, value: typeof response) => void) => send(null, response) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ grpc: `127.0.0.1:${port}` })}\n`);
});
