import type { Consistency } from '../domain/consistency.ts';
import { MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import { identifierProblem } from '../domain/identifier.ts';
import type { JsonObject } from '../domain/json-value.ts';
import type { Operation } from '../domain/operation.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { Principal, PrincipalKind } from '../domain/principal.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { ResourceType } from '../domain/type-model.ts';
import type { PlanOptions } from './plan-check.ts';
import type { PolicyNames } from './policy-names.ts';
import type { PolicyCheck, PolicyContext } from './ports-policy.ts';

/** A subject or a resource, without its id where that is searched. */
export interface TupleType {
  readonly type: string;
  readonly properties: JsonObject;
}

export interface TupleEntity extends TupleType {
  readonly id: string;
}

export interface TupleAction {
  readonly name: string;
  readonly properties: JsonObject;
}

/** One question in the words of a standard: subject, action, resource, context (AuthZEN 1.0, section 5). */
export interface Tuple {
  readonly subject: TupleEntity;
  readonly action: TupleAction;
  readonly resource: TupleEntity;
  readonly context: JsonObject;
}

/** What planning needs to know of the deployment. */
export interface TupleOptions extends PlanOptions {
  readonly names: PolicyNames;
  /** The property of a subject that holds its account. */
  readonly accountProperty: string;
  /** The account of a subject without that property; undefined: it has none. */
  readonly defaultAccount: string | undefined;
}

/** What a tuple asks: one of the configured types, any definition of the schema, or something that there can't be. */
export type TuplePlan =
  | { readonly kind: 'task'; readonly principal: Principal; readonly check: TaskCheck }
  | { readonly kind: 'policy'; readonly check: PolicyCheck; readonly consistency: Consistency }
  | { readonly kind: 'nobody' };

const NOBODY: TuplePlan = { kind: 'nobody' };

/** @throws InvalidArgumentError naming the field. */
export function planTuple({ subject, action, resource, context }: Tuple, options: TupleOptions): TuplePlan {
  assertId(subject.id, 'subject.id');
  assertId(resource.id, 'resource.id');
  const subjectType = options.names.definitionOf(subject.type);
  const target = findTarget(resource.type, action.name, options);
  if (subjectType === undefined || target.kind === 'nobody') return NOBODY;
  if (target.kind === 'policy') {
    return {
      kind: 'policy',
      check: {
        object: { kind: 'resource', type: target.definition, id: resource.id },
        permission: target.permission,
        subject: { type: subjectType, id: subject.id },
        context: toPolicyContext({ subject, action, resource, context }, options),
      },
      consistency: target.consistency,
    };
  }
  if (!isPrincipalKind(subjectType)) return NOBODY;
  const account = requireAccount(subject, options);
  return {
    kind: 'task',
    principal: { kind: subjectType, id: subject.id, account },
    check: toTaskCheck(target.type, resource.id, target.operation),
  };
}

/** What an action on a type of resource asks, whoever acts and on whichever. */
export type TupleTarget =
  | { readonly kind: 'task'; readonly type: ResourceType; readonly operation: Operation }
  | {
      readonly kind: 'policy';
      readonly definition: string;
      readonly permission: string;
      readonly consistency: Consistency;
    }
  | { readonly kind: 'nobody' };

/** A type that is configured knows operations, and goes through its parents; any other is asked of the schema as it is. */
export function findTarget(
  resourceType: string,
  action: string,
  { names, types, consistencyByOperation }: TupleOptions,
): TupleTarget {
  const definition = names.definitionOf(resourceType);
  const permission = names.permissionOf(action);
  if (definition === undefined || permission === undefined) return { kind: 'nobody' };
  const type = types.get(definition);
  if (type === undefined) {
    const configured = isOperation(permission) ? consistencyByOperation.get(permission) : undefined;
    return { kind: 'policy', definition, permission, consistency: configured ?? MINIMIZE_LATENCY };
  }
  return isOperation(permission) && type.rules.has(permission)
    ? { kind: 'task', type, operation: permission }
    : { kind: 'nobody' };
}

export function toTaskCheck(type: ResourceType, id: string, operation: Operation): TaskCheck {
  const key = id === NEW_RESOURCE_ID ? ({ kind: 'new' } as const) : ({ kind: 'id', id } as const);
  return { resource: { type: type.name, key }, operation, consistency: MINIMIZE_LATENCY, createIfAbsent: false };
}

/** The maps are always there, so that a caveat may ask what is in them. What is not known is not there. */
export function toPolicyContext(
  tuple: Pick<Tuple, 'context'> & {
    readonly subject: TupleType;
    readonly action: Pick<TupleAction, 'properties'>;
    readonly resource: TupleType;
  },
  options: TupleOptions,
): PolicyContext {
  const account = accountOf(tuple.subject, options);
  return {
    subject: tuple.subject.properties,
    resource: tuple.resource.properties,
    action: tuple.action.properties,
    context: tuple.context,
    ...(account === undefined ? {} : { account }),
  };
}

/** @throws InvalidArgumentError */
export function requireAccount(subject: TupleType, options: TupleOptions): string {
  const account = accountOf(subject, options);
  if (account !== undefined) return account;
  throw new InvalidArgumentError(
    `subject.properties.${options.accountProperty}`,
    'must be set: the account that the subject acts in',
  );
}

/** Undefined: it has none, and none is the default. @throws InvalidArgumentError */
export function accountOf(
  { properties }: TupleType,
  { accountProperty, defaultAccount }: TupleOptions,
): string | undefined {
  if (!Object.hasOwn(properties, accountProperty)) return defaultAccount;
  const account = properties[accountProperty];
  const field = `subject.properties.${accountProperty}`;
  if (typeof account !== 'string') throw new InvalidArgumentError(field, 'must be a string');
  assertId(account, field);
  return account;
}

/** @throws InvalidArgumentError */
export function assertId(id: string, field: string): void {
  const problem = identifierProblem(id);
  if (problem !== undefined) throw new InvalidArgumentError(field, problem);
}

export function isPrincipalKind(name: string): name is PrincipalKind {
  return PRINCIPAL_KINDS.some((kind) => kind === name);
}

function isOperation(name: string): name is Operation {
  return OPERATIONS.some((operation) => operation === name);
}
