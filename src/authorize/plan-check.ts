import type { Consistency } from '../domain/consistency.ts';
import { MINIMIZE_LATENCY, strongerConsistency } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { ResourceRef } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { CheckRule, ResourceType, TypeModel } from '../domain/type-model.ts';
import type { ParentKey } from './ports.ts';

/** Where the id of the checked object comes from. */
export type ObjectSource =
  { readonly kind: 'known'; readonly id: string } | { readonly kind: 'lookup'; readonly key: ParentKey };

/** What one check asks of the parents and of the relationships. Made from configuration and the request alone. */
export type CheckPlan = {
  readonly consistency: Consistency;
} & (
  | {
      /** A permission on an object: the resource itself, or its parent. */
      readonly kind: 'object';
      readonly objectType: string;
      readonly source: ObjectSource;
      readonly permission: string;
      /** The permission that a reader of the resource holds on the same object, if there is one. */
      readonly readPermission: string | undefined;
      /** With `create_if_absent`: the permission on the tenant that decides when the name is free. */
      readonly createPermission: string | undefined;
    }
  | {
      /** A permission on the principal's tenant: creating what has no parent. */
      readonly kind: 'tenant';
      readonly permission: string;
    }
);

/** What planning needs to know of the deployment. */
export interface PlanOptions {
  readonly types: TypeModel;
  /** The weakest consistency for each operation; an operation that is not there may minimise latency. */
  readonly consistencyByOperation: ReadonlyMap<Operation, Consistency>;
}

/** @throws InvalidArgumentError if the deployment has no rule for what is asked, or the parts don't go together. */
export function planCheck(check: TaskCheck, options: PlanOptions): CheckPlan {
  const type = requireType(check.resource.type, 'resource.type', options.types);
  const rule = requireRule(type, check.operation);
  const consistency = strongerConsistency(
    options.consistencyByOperation.get(check.operation) ?? MINIMIZE_LATENCY,
    check.consistency,
  );
  assertCombination(check);

  if (check.resource.key.kind === 'new') return planCreate(check, type, rule, consistency, options.types);
  if (rule.kind === 'tenant') {
    throw new InvalidArgumentError('resource.id', `must be "${NEW_RESOURCE_ID}" to create a ${type.name}`);
  }
  const objectType = rule.kind === 'parent' ? rule.parentType : type.name;
  return {
    kind: 'object',
    consistency,
    objectType,
    source: sourceOf(check.resource, type, objectType, 'resource'),
    permission: rule.permission,
    readPermission: readPermissionOn(objectType, type),
    createPermission: check.createIfAbsent ? requireTenantRule(type).permission : undefined,
  };
}

function assertCombination(check: TaskCheck): void {
  const isNew = check.resource.key.kind === 'new';
  if (isNew && check.operation !== 'create') {
    throw new InvalidArgumentError('resource.id', `"${NEW_RESOURCE_ID}" goes with the operation create only`);
  }
  if (check.createIfAbsent && check.resource.key.kind !== 'name') {
    throw new InvalidArgumentError('create_if_absent', 'goes with resource.name only');
  }
  if (check.parent !== undefined && !isNew) {
    throw new InvalidArgumentError('parent', `goes with resource.id "${NEW_RESOURCE_ID}" only`);
  }
}

/** What does not exist yet: decided on the tenant, or on the parent that it will hang off. */
function planCreate(
  check: TaskCheck,
  type: ResourceType,
  rule: CheckRule,
  consistency: Consistency,
  types: TypeModel,
): CheckPlan {
  if (rule.kind === 'tenant') {
    if (check.parent !== undefined)
      throw new InvalidArgumentError('parent', `a new ${type.name} is checked without it`);
    return { kind: 'tenant', consistency, permission: rule.permission };
  }
  if (rule.kind === 'self') throw new InvalidArgumentError('resource.id', `must name a ${type.name} that exists`);
  if (check.parent === undefined) {
    throw new InvalidArgumentError(
      'parent',
      `is needed to create a ${type.name}: the ${rule.parentType} it belongs to`,
    );
  }
  if (check.parent.type !== rule.parentType) {
    throw new InvalidArgumentError('parent.type', `must be ${rule.parentType}`);
  }
  if (check.parent.key.kind === 'new') throw new InvalidArgumentError('parent.id', 'must name one that exists');
  const parentType = requireType(check.parent.type, 'parent.type', types);
  return {
    kind: 'object',
    consistency,
    objectType: rule.parentType,
    source: sourceOf(check.parent, parentType, rule.parentType, 'parent'),
    permission: rule.permission,
    readPermission: readPermissionOn(rule.parentType, parentType),
    createPermission: undefined,
  };
}

function sourceOf(resource: ResourceRef, type: ResourceType, objectType: string, field: string): ObjectSource {
  const { key } = resource;
  switch (key.kind) {
    case 'id':
      return type.name === objectType
        ? { kind: 'known', id: key.id }
        : { kind: 'lookup', key: { type: type.name, by: 'id', value: key.id, parentType: objectType } };
    case 'name':
      if (!type.named) throw new InvalidArgumentError(`${field}.name`, `a ${type.name} has no unique name: use its id`);
      return { kind: 'lookup', key: { type: type.name, by: 'name', value: key.name, parentType: objectType } };
    case 'new':
      throw new InvalidArgumentError(`${field}.id`, 'must name one that exists');
    default:
      return key satisfies never;
  }
}

/** Reading reveals existence only where it is decided on the very object that the operation is decided on. */
function readPermissionOn(objectType: string, type: ResourceType): string | undefined {
  const rule = type.rules.get('read');
  if (rule === undefined || rule.kind === 'tenant') return undefined;
  const readObjectType = rule.kind === 'parent' ? rule.parentType : type.name;
  return readObjectType === objectType ? rule.permission : undefined;
}

function requireType(name: string, field: string, types: TypeModel): ResourceType {
  const type = types.get(name);
  if (type === undefined) throw new InvalidArgumentError(field, 'is not a configured type');
  return type;
}

function requireRule(type: ResourceType, operation: Operation): CheckRule {
  const rule = type.rules.get(operation);
  if (rule === undefined)
    throw new InvalidArgumentError('operation', `${operation} is not configured for ${type.name}`);
  return rule;
}

function requireTenantRule(type: ResourceType): CheckRule & { kind: 'tenant' } {
  const rule = type.rules.get('create');
  if (rule?.kind !== 'tenant') {
    throw new InvalidArgumentError('create_if_absent', `creating a ${type.name} is not configured`);
  }
  return rule;
}
