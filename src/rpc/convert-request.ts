import type { Consistency as ConsistencyMessage } from '../gen/taskgate/v1/authorization_pb.js';
import type {
  BatchCheckTaskItem,
  CheckTaskRequest,
  DeregisterResourceRequest,
  FilterReadableTasksRequest,
  GrantRoleRequest,
  ListReadableTasksRequest,
  Principal as PrincipalMessage,
  RegisterResourceRequest,
  ResourceRef as ResourceRefMessage,
  RevokeRoleRequest,
  RoleSubject as RoleSubjectMessage,
} from '../gen/taskgate/v1/authorization_pb.js';
import {
  LegacyAnswer as LegacyAnswerMessage,
  Operation as OperationMessage,
  Role as RoleMessage,
} from '../gen/taskgate/v1/authorization_pb.js';
import type { FilterQuestion } from '../authorize/filter-readable-tasks.ts';
import type { ListQuestion } from '../authorize/list-readable-tasks.ts';
import type { Consistency } from '../domain/consistency.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import { identifierProblem, nameProblem } from '../domain/identifier.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal, PrincipalKind } from '../domain/principal.ts';
import type { ResourceKey, ResourceRef } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { Role } from '../domain/role.ts';
import type { LegacyAnswer } from '../domain/rollout.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { RoleChange, RoleSubject } from '../lifecycle/change-role.ts';
import type { DeregisterRequest } from '../lifecycle/deregister-resource.ts';
import type { RegisterRequest } from '../lifecycle/register-resource.ts';
import type { CursorCodec } from './list-cursor.ts';

const OPERATION_BY_VALUE: ReadonlyMap<OperationMessage, Operation> = new Map([
  [OperationMessage.CREATE, 'create'],
  [OperationMessage.READ, 'read'],
  [OperationMessage.UPDATE, 'update'],
  [OperationMessage.DELETE, 'delete'],
  [OperationMessage.EXECUTE, 'execute'],
  [OperationMessage.CANCEL, 'cancel'],
  [OperationMessage.SHARE, 'share'],
]);

const ROLE_BY_VALUE: ReadonlyMap<RoleMessage, Role> = new Map([
  [RoleMessage.OWNER, 'owner'],
  [RoleMessage.EDITOR, 'editor'],
  [RoleMessage.VIEWER, 'viewer'],
  [RoleMessage.EXECUTOR, 'executor'],
]);

const LEGACY_BY_VALUE: ReadonlyMap<LegacyAnswerMessage, LegacyAnswer> = new Map([
  [LegacyAnswerMessage.ALLOWED, 'allow'],
  [LegacyAnswerMessage.DENIED, 'deny'],
]);

const PRINCIPAL_FIELDS: Readonly<Record<'userId' | 'serviceAccountId' | 'agentId', [PrincipalKind, string]>> = {
  userId: ['user', 'user_id'],
  serviceAccountId: ['service_account', 'service_account_id'],
  agentId: ['agent', 'agent_id'],
};

const DEFAULT_PAGE_SIZE = 1_000;
const MAX_PAGE_SIZE = 10_000;
const MAX_TOKEN_LENGTH = 1024;
const TOKEN = /^[A-Za-z0-9+/=_-]+$/;

/** @throws InvalidArgumentError naming the field. */
export function toPrincipal(message: PrincipalMessage | undefined): Principal {
  if (message === undefined) throw new InvalidArgumentError('principal', 'must be set');
  const { subject } = message;
  if (subject.case === undefined) {
    throw new InvalidArgumentError('principal', 'must have one of user_id, service_account_id, agent_id');
  }
  const [kind, field] = PRINCIPAL_FIELDS[subject.case];
  return {
    kind,
    id: toConcreteId(subject.value, `principal.${field}`),
    account: toConcreteId(message.accountId, 'principal.account_id'),
  };
}

/** The fields that a single check and an item of a batch have alike. @throws InvalidArgumentError naming the field. */
export function toTaskCheck(message: CheckTaskRequest | BatchCheckTaskItem): TaskCheck {
  const resource = toResourceRef(message.resource, 'resource');
  return {
    resource,
    operation: toOperation(message.operation),
    consistency: toConsistency(message.consistency),
    createIfAbsent: message.createIfAbsent,
    ...(message.parent === undefined ? {} : { parent: toResourceRef(message.parent, 'parent') }),
    ...toLegacy(message.legacyAnswer),
  };
}

function toLegacy(message: LegacyAnswerMessage): Pick<TaskCheck, 'legacy'> {
  if (message === LegacyAnswerMessage.UNSPECIFIED) return {};
  const legacy = LEGACY_BY_VALUE.get(message);
  if (legacy === undefined) throw new InvalidArgumentError('legacy_answer', 'is not a known answer');
  return { legacy };
}

/** @throws InvalidArgumentError naming the index and the field. */
export function toFilterRequest(message: FilterReadableTasksRequest, maxResources: number): FilterQuestion {
  const principal = toPrincipal(message.principal);
  const { resources } = message;
  if (resources.length === 0) throw new InvalidArgumentError('resources', 'must not be empty');
  if (resources.length > maxResources) throw new InvalidArgumentError('resources', `must be at most ${maxResources}`);
  return {
    principal,
    resources: resources.map((resource, index) => toResourceRef(resource, `resources[${index}]`)),
    operation: toOperationOr(message.operation, 'read'),
    consistency: toConsistency(message.consistency),
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toListRequest(message: ListReadableTasksRequest, cursors: CursorCodec): ListQuestion {
  const owner = { principal: toPrincipal(message.principal), operation: toOperationOr(message.operation, 'read') };
  const { pageSize, cursor } = message;
  if (pageSize < 0 || pageSize > MAX_PAGE_SIZE) {
    throw new InvalidArgumentError('page_size', `must be from 1 to ${MAX_PAGE_SIZE}`);
  }
  if (cursor !== '' && message.consistency !== undefined) {
    throw new InvalidArgumentError('consistency', 'goes without a cursor only: a cursor has a revision of its own');
  }
  return {
    ...owner,
    pageSize: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize,
    position: cursor === '' ? undefined : cursors.open(cursor, owner),
    consistency: toConsistency(message.consistency),
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toRegisterRequest(message: RegisterResourceRequest): RegisterRequest {
  return {
    principal: toPrincipal(message.principal),
    resource: toResourceRef(message.resource, 'resource'),
    parent: message.parent === undefined ? undefined : toResourceRef(message.parent, 'parent'),
  };
}

/** @throws InvalidArgumentError naming the field. */
export function toDeregisterRequest(message: DeregisterResourceRequest): DeregisterRequest {
  return { principal: toPrincipal(message.principal), resource: toResourceRef(message.resource, 'resource') };
}

/** @throws InvalidArgumentError naming the field. */
export function toRoleChange(message: GrantRoleRequest | RevokeRoleRequest): RoleChange {
  return {
    principal: toPrincipal(message.principal),
    resource: toResourceRef(message.resource, 'resource'),
    role: toRole(message.role),
    subject: toRoleSubject(message.subject),
  };
}

function toRole(message: RoleMessage): Role {
  const role = ROLE_BY_VALUE.get(message);
  if (role !== undefined) return role;
  throw new InvalidArgumentError('role', message === RoleMessage.UNSPECIFIED ? 'must be set' : 'is not a known role');
}

function toRoleSubject(message: RoleSubjectMessage | undefined): RoleSubject {
  const subject = message?.subject;
  switch (subject?.case) {
    case undefined:
      throw new InvalidArgumentError('subject', 'must have one of user_id, service_account_id');
    case 'userId':
      return { kind: 'user', id: toConcreteId(subject.value, 'subject.user_id') };
    case 'serviceAccountId':
      return { kind: 'service_account', id: toConcreteId(subject.value, 'subject.service_account_id') };
    default:
      return subject satisfies never;
  }
}

function toOperationOr(message: OperationMessage, unset: Operation): Operation {
  return message === OperationMessage.UNSPECIFIED ? unset : toOperation(message);
}

/** @throws InvalidArgumentError */
export function toOperation(message: OperationMessage): Operation {
  const operation = OPERATION_BY_VALUE.get(message);
  if (operation !== undefined) return operation;
  throw new InvalidArgumentError(
    'operation',
    message === OperationMessage.UNSPECIFIED ? 'must be set' : 'is not a known operation',
  );
}

function toResourceRef(message: ResourceRefMessage | undefined, field: string): ResourceRef {
  if (message === undefined) throw new InvalidArgumentError(field, 'must be set');
  if (message.type === '') throw new InvalidArgumentError(`${field}.type`, 'must not be empty');
  return { type: message.type, key: toResourceKey(message.key, field) };
}

function toResourceKey(key: ResourceRefMessage['key'], field: string): ResourceKey {
  switch (key.case) {
    case 'id':
      if (key.value === NEW_RESOURCE_ID) return { kind: 'new' };
      assertNoProblem(identifierProblem(key.value), `${field}.id`);
      return { kind: 'id', id: key.value };
    case 'name':
      assertNoProblem(nameProblem(key.value), `${field}.name`);
      return { kind: 'name', name: key.value };
    case undefined:
      throw new InvalidArgumentError(field, 'must have one of id, name');
    default:
      return key satisfies never;
  }
}

function toConcreteId(value: string, field: string): string {
  assertNoProblem(value === NEW_RESOURCE_ID ? `must not be "${NEW_RESOURCE_ID}"` : identifierProblem(value), field);
  return value;
}

function toConsistency(message: ConsistencyMessage | undefined): Consistency {
  const requirement = message?.requirement;
  switch (requirement?.case) {
    case undefined:
      return MINIMIZE_LATENCY;
    case 'minimizeLatency':
      assertTrue(requirement.value, 'consistency.minimize_latency');
      return MINIMIZE_LATENCY;
    case 'fullyConsistent':
      assertTrue(requirement.value, 'consistency.fully_consistent');
      return FULLY_CONSISTENT;
    case 'atLeastAsFresh':
      if (requirement.value.length > MAX_TOKEN_LENGTH || !TOKEN.test(requirement.value)) {
        throw new InvalidArgumentError('consistency.at_least_as_fresh', 'is not a token that this service returned');
      }
      return { kind: 'at_least_as_fresh', token: requirement.value };
    default:
      return requirement satisfies never;
  }
}

function assertTrue(value: boolean, field: string): void {
  if (!value) throw new InvalidArgumentError(field, 'must be true when set');
}

function assertNoProblem(problem: string | undefined, field: string): void {
  if (problem !== undefined) throw new InvalidArgumentError(field, problem);
}
