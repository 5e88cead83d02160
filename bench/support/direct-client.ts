import { v1 } from '@authzed/authzed-node';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { RelationshipCheck } from '../../src/authorize/ports.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import type { Method } from '../../src/relationships/spicedb-methods.ts';
import { CHECK_PERMISSION } from '../../src/relationships/spicedb-methods.ts';
import { toCheckItem, toConsistency } from '../../src/relationships/spicedb-requests.ts';

/** SpiceDB as an application without taskgate calls it: grpc-js and the generated messages, nothing else. */
export interface DirectClient extends Disposable {
  /** @throws Error if the call fails. */
  call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response>;
  /** One CheckPermission with minimise-latency. @throws Error if it is not held. */
  assertHeld(check: RelationshipCheck): Promise<void>;
}

export function createDirectClient({ endpoint, token }: SpiceDbOptions): DirectClient {
  const client = new Client(endpoint, credentials.createInsecure());
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const call: DirectClient['call'] = async ({ path, serialize, deserialize }, request) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, serialize, deserialize, request, metadata, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no answer'));
      });
    });
  return {
    call,
    async assertHeld(check) {
      const request = { ...toCheckItem(check), consistency: toConsistency({ kind: 'minimize_latency' }) };
      const { permissionship } = await call(CHECK_PERMISSION, { ...request, withTracing: false });
      if (permissionship !== v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION)
        throw new Error(`bench: SpiceDB answered ${v1.CheckPermissionResponse_Permissionship[permissionship]}`);
    },
    [Symbol.dispose]: () => client.close(),
  };
}
