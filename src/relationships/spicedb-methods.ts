import { v1 } from '@authzed/authzed-node';

/** A unary RPC of SpiceDB: where it is and how its messages are written. */
export interface UnaryMethod<Request extends object, Response extends object> {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

interface MessageCodec<Message extends object> {
  toBinary(message: Message): Uint8Array;
  fromBinary(bytes: Uint8Array): Message;
}

export const CHECK_PERMISSION = permissionsMethod(
  'CheckPermission',
  v1.CheckPermissionRequest,
  v1.CheckPermissionResponse,
);
export const CHECK_BULK_PERMISSIONS = permissionsMethod(
  'CheckBulkPermissions',
  v1.CheckBulkPermissionsRequest,
  v1.CheckBulkPermissionsResponse,
);
export const WRITE_RELATIONSHIPS = permissionsMethod(
  'WriteRelationships',
  v1.WriteRelationshipsRequest,
  v1.WriteRelationshipsResponse,
);
export const REFLECT_SCHEMA = schemaMethod('ReflectSchema', v1.ReflectSchemaRequest, v1.ReflectSchemaResponse);
export const READ_SCHEMA = schemaMethod('ReadSchema', v1.ReadSchemaRequest, v1.ReadSchemaResponse);
export const WRITE_SCHEMA = schemaMethod('WriteSchema', v1.WriteSchemaRequest, v1.WriteSchemaResponse);

function permissionsMethod<Request extends object, Response extends object>(
  name: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): UnaryMethod<Request, Response> {
  return unaryMethod(`/${v1.PermissionsService.typeName}/${name}`, request, response);
}

function schemaMethod<Request extends object, Response extends object>(
  name: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): UnaryMethod<Request, Response> {
  return unaryMethod(`/${v1.SchemaService.typeName}/${name}`, request, response);
}

function unaryMethod<Request extends object, Response extends object>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): UnaryMethod<Request, Response> {
  return {
    path,
    serialize: (message) => Buffer.from(request.toBinary(message)),
    deserialize: (bytes) => response.fromBinary(bytes),
  };
}
