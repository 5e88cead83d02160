import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';

export type CheckRequest = MessageInitShape<typeof CheckTaskRequestSchema>;
export type PrincipalInit = NonNullable<CheckRequest['principal']>;

export function user(userId: string, accountId = 'acme'): PrincipalInit {
  return { subject: { case: 'userId', value: userId }, accountId };
}

/** A resource by its id, and what is to be done with it. */
export function item(type: string, id: string, operation: Operation = Operation.READ) {
  return { resource: { type, key: { case: 'id' as const, value: id } }, operation };
}

/** A check for a user of acme. */
export function ask(userId: string, type: string, id: string, operation: Operation = Operation.READ): CheckRequest {
  return { principal: user(userId), ...item(type, id, operation) };
}
