import type { DescFile } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Server, ServerDuplexStream, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { toTaskgateError } from '../domain/errors.ts';
import { toWireStatus } from '../calls/error-table.ts';
import type { AskingCall } from './grpc-peer.ts';

export interface ReflectionDeps {
  /** Throws a TaskgateError if the caller is not known. */
  readonly assertCaller: (call: AskingCall) => unknown;
}

/** Adds server reflection, v1 and v1alpha, of the files of the services that are served. */
export function addReflection(server: Server, deps: ReflectionDeps, files: readonly DescFile[]): void {
  const set = create(FileDescriptorSetSchema, { file: [...new Set(files.flatMap(withDependencies))] });
  const definition = loadFileDescriptorSetFromBuffer(Buffer.from(toBinary(FileDescriptorSetSchema, set)));
  new ReflectionService(definition).addToServer({
    addService: (service, implementation) => server.addService(service, guard(implementation, deps)),
  });
}

/** The same handlers, for callers only. Each of them takes a stream of questions. */
function guard(implementation: UntypedServiceImplementation, deps: ReflectionDeps): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(implementation).map(([name, handler]) => [name, guardHandler(handler, deps)]),
  );
}

function guardHandler(handler: UntypedHandleCall, { assertCaller }: ReflectionDeps): UntypedHandleCall {
  return (call: ServerDuplexStream<unknown, unknown>) => {
    try {
      assertCaller(call);
    } catch (thrown) {
      const error = toTaskgateError(thrown);
      call.emit('error', { code: toWireStatus(error).grpc, details: error.message });
      return;
    }
    Reflect.apply(handler, undefined, [call]);
  };
}

function withDependencies(file: DescFile): DescFile['proto'][] {
  return [...file.dependencies.flatMap(withDependencies), file.proto];
}
