import type { MessageShape } from '@bufbuild/protobuf';
import type {
  BatchCheckTaskResponseSchema,
  BatchCheckTaskResultSchema,
  CheckTaskResponseSchema,
  FilterReadableTasksResponseSchema,
} from '../../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision, Role } from '../../../src/gen/taskgate/v1/authorization_pb.js';
import { item, user } from '../../support/check-requests.ts';
import type { Outcome, TestClient } from '../../support/transports.ts';
import type { Cell } from './cells.ts';
import { ACCOUNT } from './world.ts';
import type { World } from './world.ts';

const { method } = AuthorizationService;
const GRPC_CODES: ReadonlyMap<number, string> = new Map([
  [4, 'DEADLINE_EXCEEDED'],
  [8, 'RESOURCE_EXHAUSTED'],
  [14, 'UNAVAILABLE'],
]);

/** What came of asking: an `Answer`, or `CODE: message` of an error, or what else came. */
export type Told = string;

/** Asks what the cell asks, of its own world. */
export async function ask(
  client: TestClient,
  world: World,
  { signal }: { readonly signal: AbortSignal },
): Promise<Told> {
  const requests = createRequests(world);
  const options = { signal };
  switch (world.cell.rpc) {
    case 'CheckTask':
      return told(await client.call(method.checkTask, requests.check, options), toDecision);
    case 'BatchCheckTask':
      return told(await client.call(method.batchCheckTask, requests.batch, options), toOnlyResult);
    case 'FilterReadableTasks':
      return told(await client.call(method.filterReadableTasks, requests.filter, options), toKept);
    case 'ListReadableTasks':
      return list(client, world, requests.list, options);
    case 'RegisterResource':
      return told(await client.call(method.registerResource, requests.register, options), toWritten);
    case 'DeregisterResource':
      return told(await client.call(method.deregisterResource, requests.deregister, options), toWritten);
    case 'GrantRole':
      return told(await client.call(method.grantRole, requests.role, options), toWritten);
    case 'RevokeRole':
      return told(await client.call(method.revokeRole, requests.role, options), toWritten);
    default:
      return world.cell.rpc satisfies never;
  }
}

/** One request for each RPC. */
export function createRequests(world: World) {
  const { cell, owner, stranger, none } = world;
  const principal = user(cell.state === 'deny' ? stranger : owner);
  const id = (existing: string): string => (cell.state === 'absent' ? none : existing);
  const named = (type: string, name: string) => ({ type, key: { case: 'name' as const, value: id(name) } });
  const child = item('message', id(world.message));
  return {
    check: { principal, ...child },
    batch: { principal, checks: [child] },
    filter: { principal, resources: [child.resource] },
    list: { principal: cell.state === 'absent' ? user(none, none) : principal },
    register: {
      principal,
      resource: item('task', world.fresh).resource,
      parent: named('agent', world.agentName),
    },
    deregister: {
      principal: user(owner, cell.state === 'deny' ? 'globex' : ACCOUNT),
      resource: item('task', id(world.task)).resource,
    },
    role: {
      principal,
      resource: named('task', world.taskName),
      role: Role.VIEWER,
      subject: { subject: { case: 'userId' as const, value: world.guest } },
    },
  };
}

/** What came of a call: an answer in the words of `toAnswer`, or an error. */
export function told<Message>(outcome: Outcome<Message>, toAnswer: (message: Message) => Told): Told {
  if (outcome.kind === 'message') return toAnswer(outcome.message);
  return outcome.code === 'NOT_FOUND' ? outcome.code : `${outcome.code}: ${outcome.message}`;
}

/** The decision of one check. */
export function toDecision({ decision }: MessageShape<typeof CheckTaskResponseSchema>): Told {
  return Decision[decision];
}

function toOnlyResult({ results: [result, ...others] }: MessageShape<typeof BatchCheckTaskResponseSchema>): Told {
  return result === undefined || others.length > 0 ? 'another number of results' : toResult(result);
}

/** One result of a batch. */
export function toResult({ outcome }: MessageShape<typeof BatchCheckTaskResultSchema>): Told {
  switch (outcome.case) {
    case 'answer':
      return toDecision(outcome.value);
    case 'error':
      return `${GRPC_CODES.get(outcome.value.code) ?? outcome.value.code}: ${outcome.value.message}`;
    case undefined:
      return 'a result that says nothing';
    default:
      return outcome satisfies never;
  }
}

function toKept({ resources }: MessageShape<typeof FilterReadableTasksResponseSchema>): Told {
  return resources.length === 0 ? 'left out' : 'kept';
}

export function toWritten({ writtenAt }: { readonly writtenAt: string }): Told {
  return writtenAt === '' ? 'written, without a revision' : 'written';
}

async function list(
  client: TestClient,
  { task }: World,
  request: ReturnType<typeof createRequests>['list'],
  options: { readonly signal: AbortSignal },
): Promise<Told> {
  const stream = client.stream(method.listReadableTasks, request, options);
  const ids: string[] = [];
  let isComplete = false;
  for (;;) {
    const next = await stream.next();
    if (next.done === true) {
      const error = next.value;
      if (error !== undefined) return isComplete ? 'complete, and then an error' : told(error, () => '');
      if (!isComplete) return 'a list that ends without being complete';
      if (ids.length === 0) return 'nothing to list';
      return ids.length === 1 && ids[0] === task ? 'listed' : `another list: ${ids.join()}`;
    }
    const { event } = next.value;
    if (event.case === 'page') ids.push(...event.value.taskIds);
    isComplete ||= event.case === 'complete';
  }
}

const COULD_NOT_TELL =
  /^(UNAVAILABLE: (spicedb|database|redis) is unavailable|DEADLINE_EXCEEDED: deadline exceeded|RESOURCE_EXHAUSTED: overloaded): nothing was decided$/;

/** True for the errors that say so, in words of ours alone. */
export function isCouldNotTell(answer: Told): boolean {
  return COULD_NOT_TELL.test(answer);
}

/** `CheckTask allow cold`. */
export function nameOf({ rpc, state, warmth }: Cell): string {
  return `${rpc} ${state} ${warmth}`;
}
