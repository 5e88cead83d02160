import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Consistency } from '../domain/consistency.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';
import type { ResourceRef } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type {
  CheckTaskRequestSchema,
  ConsistencySchema,
  PrincipalSchema,
  ResourceRefSchema,
} from '../gen/taskgate/v1/authorization_pb.js';
import { Operation as OperationMessage } from '../gen/taskgate/v1/authorization_pb.js';

const OPERATIONS: Readonly<Record<Operation, OperationMessage>> = {
  create: OperationMessage.CREATE,
  read: OperationMessage.READ,
  update: OperationMessage.UPDATE,
  delete: OperationMessage.DELETE,
  execute: OperationMessage.EXECUTE,
  cancel: OperationMessage.CANCEL,
  share: OperationMessage.SHARE,
};

/** A check as the message that asks it: what `convert-request.ts` reads. */
export function fromQuestion(
  principal: Principal,
  { resource, operation, consistency, createIfAbsent, parent }: TaskCheck,
): MessageInitShape<typeof CheckTaskRequestSchema> {
  return {
    principal: fromPrincipal(principal),
    resource: fromResourceRef(resource),
    operation: OPERATIONS[operation],
    createIfAbsent,
    ...fromConsistency(consistency),
    ...(parent === undefined ? {} : { parent: fromResourceRef(parent) }),
  };
}

function fromPrincipal({ kind, id, account }: Principal): MessageInitShape<typeof PrincipalSchema> {
  const cases = { user: 'userId', service_account: 'serviceAccountId', agent: 'agentId' } as const;
  return { subject: { case: cases[kind], value: id }, accountId: account };
}

function fromResourceRef({ type, key }: ResourceRef): MessageInitShape<typeof ResourceRefSchema> {
  if (key.kind === 'name') return { type, key: { case: 'name', value: key.name } };
  return { type, key: { case: 'id', value: key.kind === 'new' ? NEW_RESOURCE_ID : key.id } };
}

function fromConsistency(consistency: Consistency): {
  readonly consistency?: MessageInitShape<typeof ConsistencySchema>;
} {
  switch (consistency.kind) {
    case 'minimize_latency':
      return {};
    case 'at_least_as_fresh':
      return { consistency: { requirement: { case: 'atLeastAsFresh', value: consistency.token } } };
    case 'fully_consistent':
      return { consistency: { requirement: { case: 'fullyConsistent', value: true } } };
    default:
      return consistency satisfies never;
  }
}
