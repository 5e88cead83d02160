import type { CheckTask } from '../../src/authorize/check-task.ts';
import type {
  AuthorizeRequest,
  GatewayAnswer,
  GatewayRequest,
  IdentifiedPrincipal,
  RouteMatch,
} from '../../src/authorize/ports-gateway.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Outcome } from '../../src/domain/decision.ts';
import { identifierProblem } from '../../src/domain/identifier.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { ResourceKey } from '../../src/domain/resource.ts';

/**
 * Routes and principals that are known at a glance, before the real decisions: `/public`, `/tasks/<id>`, `/messages/<id>`
 * and the JSON-RPC of `/rpc`; one `x-user-id` or `x-agent-id` and `x-account-id`, or the claims `sub` and `account_id`.
 */
export function createTestGateway({ checkTask }: { readonly checkTask: CheckTask }): AuthorizeRequest {
  return (request, call, context) => {
    const match = readExtensions(request) ?? findRoute(request);
    if (match.kind === 'public') return { kind: 'allowed', principal: undefined };
    const identified = identify(request);
    if (identified.kind === 'unauthenticated') return { kind: 'unauthenticated' };
    if (match.kind === 'none') return { kind: 'not_found' };
    if (match.kind === 'malformed') return { kind: 'malformed' };
    const { principal } = identified;
    const toAnswer = (outcome: Outcome): GatewayAnswer => {
      if (outcome.kind === 'failed') throw outcome.error;
      const { decision } = outcome;
      if (decision.kind === 'NOT_FOUND') return { kind: 'not_found' };
      if (decision.kind === 'FORBIDDEN') return { kind: 'forbidden' };
      const taskId = decision.object?.type === 'task' ? { taskId: decision.object.id } : {};
      return { kind: 'allowed', principal, ...taskId };
    };
    if (match.kind !== 'check') return { kind: 'malformed' };
    const outcome = checkTask({ ...call, principal, check: match.check }, context);
    return outcome instanceof Promise ? outcome.then(toAnswer) : toAnswer(outcome);
  };
}

const OPERATION_BY_METHOD: Readonly<Record<string, Operation>> = { GET: 'read', POST: 'update', DELETE: 'delete' };

function toCheck(type: string, key: ResourceKey, operation: Operation, route: string): RouteMatch {
  return {
    kind: 'check',
    route,
    check: { resource: { type, key }, operation, consistency: MINIMIZE_LATENCY, createIfAbsent: false },
  };
}

function readExtensions({ extensions }: GatewayRequest): RouteMatch | undefined {
  if (extensions === undefined) return undefined;
  const [type, id, operation] = ['type', 'id', 'operation'].map((name) => extensions.get(`taskgate.${name}`));
  if (type === undefined || operation === undefined) return { kind: 'malformed', route: 'extensions', problem: '' };
  const key = id === '*' ? ({ kind: 'new' } as const) : ({ kind: 'id', id: id ?? '' } as const);
  return toCheck(type, key, operation as Operation, 'extensions');
}

function findRoute({ method, target, body }: GatewayRequest): RouteMatch {
  const path = target.split('?')[0] ?? '';
  if (path === '/public') return { kind: 'public', route: path };
  const operation = OPERATION_BY_METHOD[method];
  if (path === '/rpc') {
    const id = body.kind === 'bytes' ? readTaskId(body.bytes) : undefined;
    if (id === undefined) return { kind: 'malformed', route: path, problem: 'no task' };
    return toCheck('task', { kind: 'id', id }, 'update', path);
  }
  const [, type, id] = /^\/(task|message)s\/([\w-]{1,200})$/.exec(path) ?? [];
  if (type === undefined || id === undefined || operation === undefined) return { kind: 'none' };
  return toCheck(type, { kind: 'id', id }, operation, path);
}

function readTaskId(bytes: Uint8Array): string | undefined {
  try {
    const id: unknown = JSON.parse(Buffer.from(bytes).toString())?.params?.task_id;
    return typeof id === 'string' && identifierProblem(id) === undefined ? id : undefined;
  } catch {
    return undefined;
  }
}

function identify({ headers, claims }: GatewayRequest): IdentifiedPrincipal {
  const users = headers.get('x-user-id') ?? toList(claims?.['sub']);
  const agents = headers.get('x-agent-id') ?? [];
  const accounts = headers.get('x-account-id') ?? toList(claims?.['account_id']);
  const [account] = accounts;
  const [id] = [...users, ...agents];
  if (users.length + agents.length !== 1 || accounts.length !== 1 || id === undefined || account === undefined) {
    return { kind: 'unauthenticated', reason: 'not one' };
  }
  if (identifierProblem(id) !== undefined || identifierProblem(account) !== undefined) {
    return { kind: 'unauthenticated', reason: 'no id' };
  }
  return { kind: 'principal', principal: { kind: users.length === 1 ? 'user' : 'agent', id, account } };
}

function toList(claim: unknown): readonly string[] {
  return typeof claim === 'string' ? [claim] : [];
}
