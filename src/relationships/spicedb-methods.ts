import { v1 } from '@authzed/authzed-node';

/** An RPC of SpiceDB with one request: where it is and how its messages are written. */
export interface Method<Request extends object, Response extends object> {
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
/** The same with its messages as bytes, for who writes and reads them without the generated codec. */
export const CHECK_BULK_BYTES: Method<Buffer, Buffer> = {
  path: CHECK_BULK_PERMISSIONS.path,
  serialize: (bytes) => bytes,
  deserialize: (bytes) => bytes,
};
export const WRITE_RELATIONSHIPS = permissionsMethod(
  'WriteRelationships',
  v1.WriteRelationshipsRequest,
  v1.WriteRelationshipsResponse,
);
export const DELETE_RELATIONSHIPS = permissionsMethod(
  'DeleteRelationships',
  v1.DeleteRelationshipsRequest,
  v1.DeleteRelationshipsResponse,
);
export const READ_RELATIONSHIPS = permissionsMethod(
  'ReadRelationships',
  v1.ReadRelationshipsRequest,
  v1.ReadRelationshipsResponse,
);
export const EXPORT_BULK_RELATIONSHIPS = permissionsMethod(
  'ExportBulkRelationships',
  v1.ExportBulkRelationshipsRequest,
  v1.ExportBulkRelationshipsResponse,
);
export const LOOKUP_RESOURCES = permissionsMethod(
  'LookupResources',
  v1.LookupResourcesRequest,
  v1.LookupResourcesResponse,
);
export const LOOKUP_SUBJECTS = permissionsMethod('LookupSubjects', v1.LookupSubjectsRequest, v1.LookupSubjectsResponse);
export const REFLECT_SCHEMA = schemaMethod('ReflectSchema', v1.ReflectSchemaRequest, v1.ReflectSchemaResponse);
export const READ_SCHEMA = schemaMethod('ReadSchema', v1.ReadSchemaRequest, v1.ReadSchemaResponse);
export const DIFF_SCHEMA = schemaMethod('DiffSchema', v1.DiffSchemaRequest, v1.DiffSchemaResponse);
export const WRITE_SCHEMA = schemaMethod('WriteSchema', v1.WriteSchemaRequest, v1.WriteSchemaResponse);

export const WATCH = method(`/${v1.WatchService.typeName}/Watch`, v1.WatchRequest, v1.WatchResponse);

function permissionsMethod<Request extends object, Response extends object>(
  name: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): Method<Request, Response> {
  return method(`/${v1.PermissionsService.typeName}/${name}`, request, response);
}

function schemaMethod<Request extends object, Response extends object>(
  name: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): Method<Request, Response> {
  return method(`/${v1.SchemaService.typeName}/${name}`, request, response);
}

function method<Request extends object, Response extends object>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): Method<Request, Response> {
  return {
    path,
    serialize: (message) => Buffer.from(request.toBinary(message)),
    deserialize: (bytes) => response.fromBinary(bytes),
  };
}
