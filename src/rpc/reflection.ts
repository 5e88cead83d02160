import type { DescFile } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { file_taskgate_v1_authorization } from '../gen/taskgate/v1/authorization_pb.js';

/** Adds server reflection, v1 and v1alpha, of the service's own files. */
export function addReflection(server: Server): void {
  const set = create(FileDescriptorSetSchema, { file: withDependencies(file_taskgate_v1_authorization) });
  const definition = loadFileDescriptorSetFromBuffer(Buffer.from(toBinary(FileDescriptorSetSchema, set)));
  new ReflectionService(definition).addToServer(server);
}

function withDependencies(file: DescFile): DescFile['proto'][] {
  return [...file.dependencies.flatMap(withDependencies), file.proto];
}
