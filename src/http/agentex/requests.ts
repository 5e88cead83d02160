import { MINIMIZE_LATENCY } from '../../domain/consistency.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import { identifierProblem } from '../../domain/identifier.ts';
import type { JsonObject, JsonValue } from '../../domain/json-value.ts';
import { isJsonObject } from '../../domain/json-value.ts';
import type { Operation } from '../../domain/operation.ts';
import type { ResourceRef } from '../../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../../domain/resource.ts';
import type { Role } from '../../domain/role.ts';
import type { TaskCheck } from '../../domain/task-check.ts';

/** The types that the contract names. What else is configured is not asked about here. */
const TYPES = new Set(['agent', 'task', 'api_key', 'schedule']);

/** The operations that the contract names, and the role that lets somebody do each. */
const ROLES: ReadonlyMap<string, { readonly operation: Operation; readonly role: Role }> = new Map([
  ['create', { operation: 'create', role: 'owner' }],
  ['read', { operation: 'read', role: 'viewer' }],
  ['update', { operation: 'update', role: 'editor' }],
  ['delete', { operation: 'delete', role: 'owner' }],
  ['execute', { operation: 'execute', role: 'executor' }],
  ['cancel', { operation: 'cancel', role: 'owner' }],
]);

/** @throws InvalidArgumentError naming the field. */
export function toCheck(body: JsonObject): TaskCheck {
  return {
    resource: toResource(body['resource'], 'resource'),
    operation: toOperation(body['operation'], 'operation').operation,
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toFilter(body: JsonObject): { readonly type: string; readonly operation: Operation } {
  return {
    type: toType(body['filter_resource'], 'filter_resource'),
    operation: toOperation(body['filter_operation'], 'filter_operation').operation,
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toGrant(body: JsonObject) {
  return { resource: toResource(body['resource'], 'resource'), ...toOperation(body['operation'], 'operation') };
}

/** `parent` may be null, or left out. @throws InvalidArgumentError naming the field. */
export function toRegistration(body: JsonObject) {
  const parent = body['parent'] ?? undefined;
  return {
    resource: toResource(body['resource'], 'resource'),
    parent: parent === undefined ? undefined : toResource(parent, 'parent'),
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toResource(value: JsonValue | undefined, field: string): ResourceRef {
  if (!isJsonObject(value)) throw new InvalidArgumentError(field, 'must be an object with type and selector');
  const type = toType(value['type'], `${field}.type`);
  const { selector } = value;
  if (typeof selector !== 'string') throw new InvalidArgumentError(`${field}.selector`, 'must be a text');
  if (selector === NEW_RESOURCE_ID) return { type, key: { kind: 'new' } };
  const problem = identifierProblem(selector);
  if (problem !== undefined) throw new InvalidArgumentError(`${field}.selector`, problem);
  return { type, key: { kind: 'id', id: selector } };
}

function toType(value: JsonValue | undefined, field: string): string {
  if (typeof value === 'string' && TYPES.has(value)) return value;
  throw new InvalidArgumentError(field, `must be one of ${[...TYPES].join(', ')}`);
}

function toOperation(value: JsonValue | undefined, field: string) {
  const found = typeof value === 'string' ? ROLES.get(value) : undefined;
  if (found !== undefined) return found;
  throw new InvalidArgumentError(field, `must be one of ${[...ROLES.keys()].join(', ')}`);
}
