import type { DescMethod } from '@bufbuild/protobuf';
import type { CallerPermission } from '../domain/caller.ts';
import { InternalError } from '../domain/errors.ts';
import type { AdminService } from '../gen/taskgate/admin/v1/admin_pb.js';
import type { AuthorizationService } from '../gen/taskgate/v1/authorization_pb.js';

/** What a caller needs for each RPC. One that is missing here does not compile. */
export const PERMISSION_BY_METHOD: Readonly<Record<keyof typeof AuthorizationService.method, CallerPermission>> = {
  checkTask: 'check',
  batchCheckTask: 'check',
  filterReadableTasks: 'filter',
  listReadableTasks: 'filter',
  registerResource: 'write',
  deregisterResource: 'write',
  grantRole: 'write',
  revokeRole: 'write',
};

/** The same for the admin listener's service. */
export const PERMISSION_BY_ADMIN_METHOD: Readonly<Record<keyof typeof AdminService.method, CallerPermission>> = {
  explainDecision: 'admin',
  recentDecisions: 'admin',
  getState: 'admin',
};

const PERMISSIONS: ReadonlyMap<string, CallerPermission> = new Map(
  Object.entries({ ...PERMISSION_BY_METHOD, ...PERMISSION_BY_ADMIN_METHOD }),
);

/** The permission that a caller needs for an RPC. @throws InternalError if none is known: nobody may. */
export function callerPermissionOf(method: Pick<DescMethod, 'localName' | 'name'>): CallerPermission {
  const permission = PERMISSIONS.get(method.localName);
  if (permission === undefined) throw new InternalError({ cause: `no permission is set for ${method.name}` });
  return permission;
}
