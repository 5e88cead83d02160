import type { DescMethodServerStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { AuthorizationService, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { CallOptions, Outcome, TestClient } from './transports.ts';

/** What any RPC takes: which one it is for is not said. */
export type RpcRequest = Record<string, unknown>;

export type MethodName = keyof typeof AuthorizationService.method;

const principal = { subject: { case: 'userId', value: 'alice' }, accountId: 'acme' } as const;
const byId = (type: string, id: string) => ({ type, key: { case: 'id', value: id } }) as const;

/** A request for each RPC that names the task; none changes anything that the sample data hold, if the task is not theirs. */
export function requestsAbout(taskId: string): Readonly<Record<MethodName, RpcRequest>> {
  const resource = byId('task', taskId);
  const check = { resource, operation: Operation.READ };
  const role = {
    principal,
    resource,
    role: Role.VIEWER,
    subject: { subject: { case: 'userId', value: 'bob' } },
  };
  return {
    checkTask: { principal, ...check },
    batchCheckTask: { principal, checks: [check] },
    filterReadableTasks: { principal, resources: [resource] },
    listReadableTasks: { principal },
    registerResource: { principal, resource, parent: byId('agent', 'agent-1') },
    deregisterResource: { principal, resource },
    grantRole: role,
    revokeRole: role,
  };
}

/** Makes the call, whatever its kind: of a stream, what it ended with, or its last message. */
export async function callAny(
  client: TestClient,
  name: MethodName,
  request: RpcRequest,
  options: CallOptions = {},
): Promise<Outcome<unknown>> {
  const method: DescMethodUnary | DescMethodServerStreaming = AuthorizationService.method[name];
  if (method.methodKind === 'unary') return client.call(method, request, options);
  const stream = client.stream(method, request, options);
  let message: unknown;
  for (;;) {
    const next = await stream.next();
    if (next.done !== true) message = next.value;
    else return next.value ?? { kind: 'message', message, decisionId: undefined };
  }
}
