import type { Registration } from './registration.ts';
import type { TypeModel } from './type-model.ts';

/** A permission, or a relation of a role, that the configuration maps an operation to, by the SpiceDB definition that must hold it. */
export interface MappedPermission {
  readonly definition: string;
  readonly permission: string;
}

const TENANT = 'tenant';

/** Every permission that the configured types ask for, and every relation that registering and roles write, each once. */
export function mappedPermissions(
  types: TypeModel,
  registrations: readonly Registration[],
): readonly MappedPermission[] {
  const mapped = new Map<string, MappedPermission>();
  for (const type of types.values()) {
    for (const rule of type.rules.values()) {
      const definition = { self: type.name, parent: rule.kind === 'parent' ? rule.parentType : '', tenant: TENANT }[
        rule.kind
      ];
      mapped.set(`${definition}#${rule.permission}`, { definition, permission: rule.permission });
    }
  }
  for (const { type: definition, tenantRelation, parent, roles } of registrations) {
    for (const permission of [tenantRelation, ...(parent === undefined ? [] : [parent.relation]), ...roles.values()]) {
      mapped.set(`${definition}#${permission}`, { definition, permission });
    }
  }
  return [...mapped.values()];
}
