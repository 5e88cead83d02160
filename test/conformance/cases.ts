import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';

type Request = MessageInitShape<typeof CheckTaskRequestSchema>;
type PrincipalInit = NonNullable<Request['principal']>;

/** What a case must be answered with, over every transport. */
export type Expected =
  | { readonly decision: 'ALLOWED'; readonly taskId?: string }
  | { readonly decision: 'NOT_FOUND' | 'FORBIDDEN' }
  /** An error whose message begins with the field's path. */
  | { readonly code: 'INVALID_ARGUMENT'; readonly field: string };

export interface Case {
  readonly name: string;
  readonly request: Request;
  readonly expected: Expected;
}

const user = (userId: string, accountId = 'acme'): PrincipalInit => ({
  subject: { case: 'userId', value: userId },
  accountId,
});
const byId = (type: string, id: string) => ({ type, key: { case: 'id' as const, value: id } });
const byName = (type: string, name: string) => ({ type, key: { case: 'name' as const, value: name } });

const OPERATIONS = {
  create: Operation.CREATE,
  read: Operation.READ,
  update: Operation.UPDATE,
  delete: Operation.DELETE,
  execute: Operation.EXECUTE,
  cancel: Operation.CANCEL,
} as const;
type OperationName = keyof typeof OPERATIONS;

const PRINCIPALS: Readonly<Record<string, PrincipalInit>> = {
  alice: user('alice'),
  bob: user('bob'),
  carol: user('carol'),
  dave: user('dave'),
  mallory: user('mallory', 'globex'),
  'alice acting in globex': user('alice', 'globex'),
  'a service account named alice': { subject: { case: 'serviceAccountId', value: 'alice' }, accountId: 'acme' },
};

/** Who may do what; whatever is not here is NOT_FOUND. */
const GRANTS: readonly {
  readonly type: string;
  readonly id: string;
  readonly taskId?: string;
  readonly asked: readonly OperationName[];
  readonly allowed: Readonly<Record<string, readonly OperationName[]>>;
}[] = [
  {
    type: 'task',
    id: 'task-1',
    taskId: 'task-1',
    asked: ['read', 'update', 'delete', 'execute', 'cancel'],
    allowed: { alice: ['read', 'update', 'delete', 'execute', 'cancel'], bob: ['read', 'update'], carol: ['read'] },
  },
  {
    type: 'agent',
    id: 'agent-1',
    asked: ['read', 'update', 'delete', 'execute'],
    allowed: { alice: ['read', 'update', 'delete', 'execute'], bob: ['read', 'update', 'execute'] },
  },
  {
    type: 'message',
    id: 'msg-1',
    taskId: 'task-1',
    asked: ['read', 'create', 'update', 'delete'],
    allowed: {
      alice: ['read', 'create', 'update', 'delete'],
      bob: ['read', 'create', 'update', 'delete'],
      carol: ['read'],
    },
  },
  {
    type: 'state',
    id: 'state-1',
    taskId: 'task-1',
    asked: ['read', 'create', 'update', 'delete'],
    allowed: { alice: ['read', 'create', 'update', 'delete'], bob: ['read', 'create', 'update'], carol: ['read'] },
  },
  {
    type: 'checkpoint',
    id: 'task-1',
    taskId: 'task-1',
    asked: ['read', 'update', 'delete'],
    allowed: { alice: ['read', 'update', 'delete'], bob: ['read', 'update'], carol: ['read'] },
  },
  {
    type: 'tracker',
    id: 'tracker-1',
    taskId: 'task-1',
    asked: ['read', 'update', 'execute'],
    allowed: { alice: ['read', 'update', 'execute'], bob: ['read'], carol: ['read'] },
  },
  { type: 'event', id: 'event-1', asked: ['read'], allowed: { alice: ['read'], bob: ['read'] } },
  {
    type: 'event',
    id: 'event-1',
    taskId: 'task-1',
    asked: ['create'],
    allowed: { alice: ['create'], bob: ['create'] },
  },
  // Unregistered, of another account, of a deleted task, of no task: nobody of acme may see any of them.
  { type: 'task', id: 'task-5', asked: ['read', 'delete'], allowed: {} },
  { type: 'message', id: 'msg-5', asked: ['read', 'update'], allowed: {} },
  { type: 'message', id: 'msg-orphan', asked: ['read', 'update'], allowed: {} },
  { type: 'task', id: 'task-9', taskId: 'task-9', asked: ['read', 'delete'], allowed: { mallory: ['read', 'delete'] } },
  {
    type: 'message',
    id: 'msg-9',
    taskId: 'task-9',
    asked: ['read', 'update'],
    allowed: { mallory: ['read', 'update'] },
  },
  { type: 'task', id: 'no-such-task', asked: ['read', 'delete'], allowed: {} },
  { type: 'message', id: 'no-such-message', asked: ['read', 'update', 'create'], allowed: {} },
];

const grantCases: readonly Case[] = GRANTS.flatMap(({ type, id, taskId, asked, allowed }) =>
  Object.entries(PRINCIPALS).flatMap(([who, principal]) =>
    asked.map((operation): Case => {
      const isAllowed = allowed[who]?.includes(operation) === true;
      return {
        name: `${who} ${isAllowed ? 'may' : 'may not'} ${operation} ${type} ${id}`,
        request: { principal, resource: byId(type, id), operation: OPERATIONS[operation] },
        expected: isAllowed
          ? { decision: 'ALLOWED', ...(taskId === undefined ? {} : { taskId }) }
          : { decision: 'NOT_FOUND' },
      };
    }),
  ),
);

const ALLOWED_TASK_1: Expected = { decision: 'ALLOWED', taskId: 'task-1' };
const ALLOWED: Expected = { decision: 'ALLOWED' };
const NOT_FOUND: Expected = { decision: 'NOT_FOUND' };
const FORBIDDEN: Expected = { decision: 'FORBIDDEN' };
const invalid = (field: string): Expected => ({ code: 'INVALID_ARGUMENT', field });
const row = (name: string, request: Request, expected: Expected): Case => ({ name, request, expected });

const alice = user('alice');
const task1 = byId('task', 'task-1');
const read = Operation.READ;

const namedCases: readonly Case[] = [
  row(
    'a task by its name',
    { principal: alice, resource: byName('task', 'quarterly-report'), operation: read },
    ALLOWED_TASK_1,
  ),
  row(
    'a task by its name, denied',
    { principal: user('dave'), resource: byName('task', 'quarterly-report'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a task by its name, of another account',
    { principal: user('mallory', 'globex'), resource: byName('task', 'quarterly-report'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a task by a name that nobody has',
    { principal: alice, resource: byName('task', 'no-such-name'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a name differs by case',
    { principal: alice, resource: byName('task', 'Quarterly-Report'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a task by an id that is its name',
    { principal: alice, resource: byId('task', 'quarterly-report'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a task by a name that is its id',
    { principal: alice, resource: byName('task', 'task-1'), operation: read },
    NOT_FOUND,
  ),
  row(
    'a name of a type without names',
    { principal: alice, resource: byName('message', 'msg-1'), operation: read },
    invalid('resource.name'),
  ),
];

const newTask = byId('task', '*');
const createCases: readonly Case[] = [
  row(
    'creating a task in the own account',
    { principal: user('dave'), resource: newTask, operation: Operation.CREATE },
    ALLOWED,
  ),
  row(
    'creating a task in an account that does not exist',
    { principal: user('dave', 'nowhere'), resource: newTask, operation: Operation.CREATE },
    FORBIDDEN,
  ),
  row(
    'creating an agent in the own account',
    { principal: user('dave'), resource: byId('agent', '*'), operation: Operation.CREATE },
    ALLOWED,
  ),
  row(
    'creating an api_key in the own account',
    { principal: alice, resource: byId('api_key', '*'), operation: Operation.CREATE },
    ALLOWED,
  ),
  row(
    'creating a schedule in the own account',
    { principal: alice, resource: byId('schedule', '*'), operation: Operation.CREATE },
    ALLOWED,
  ),
  row(
    'a service account creates a task',
    {
      principal: { subject: { case: 'serviceAccountId', value: 'robot' }, accountId: 'acme' },
      resource: newTask,
      operation: Operation.CREATE,
    },
    ALLOWED,
  ),
  row(
    'an agent creates a task',
    {
      principal: { subject: { case: 'agentId', value: 'agent-1' }, accountId: 'acme' },
      resource: newTask,
      operation: Operation.CREATE,
    },
    ALLOWED,
  ),
  row(
    'creating a task that has an id',
    { principal: alice, resource: task1, operation: Operation.CREATE },
    invalid('resource.id'),
  ),
  row('reading "*"', { principal: alice, resource: newTask, operation: read }, invalid('resource.id')),
  row(
    'reading "*" of a child',
    { principal: alice, resource: byId('message', '*'), operation: read },
    invalid('resource.id'),
  ),
  row(
    'a new message in a task',
    { principal: alice, resource: byId('message', '*'), operation: Operation.CREATE, parent: task1 },
    ALLOWED_TASK_1,
  ),
  row(
    'a new message in a task by its name',
    {
      principal: alice,
      resource: byId('message', '*'),
      operation: Operation.CREATE,
      parent: byName('task', 'quarterly-report'),
    },
    ALLOWED_TASK_1,
  ),
  row(
    'a new message in a task that is only readable',
    { principal: user('carol'), resource: byId('message', '*'), operation: Operation.CREATE, parent: task1 },
    NOT_FOUND,
  ),
  row(
    'a new message in a task that is absent',
    {
      principal: alice,
      resource: byId('message', '*'),
      operation: Operation.CREATE,
      parent: byId('task', 'no-such-task'),
    },
    NOT_FOUND,
  ),
  row(
    'a new event in a task',
    { principal: user('bob'), resource: byId('event', '*'), operation: Operation.CREATE, parent: task1 },
    ALLOWED_TASK_1,
  ),
  row(
    'a new message without its parent',
    { principal: alice, resource: byId('message', '*'), operation: Operation.CREATE },
    invalid('parent'),
  ),
  row(
    'a new message in a parent of the wrong type',
    { principal: alice, resource: byId('message', '*'), operation: Operation.CREATE, parent: byId('agent', 'agent-1') },
    invalid('parent.type'),
  ),
  row(
    'a new message in a new task',
    { principal: alice, resource: byId('message', '*'), operation: Operation.CREATE, parent: newTask },
    invalid('parent.id'),
  ),
  row(
    'a parent beside a resource that exists',
    { principal: alice, resource: byId('message', 'msg-1'), operation: read, parent: task1 },
    invalid('parent'),
  ),
  row(
    'a parent for a new task',
    { principal: alice, resource: newTask, operation: Operation.CREATE, parent: byId('agent', 'agent-1') },
    invalid('parent'),
  ),
];

const quarterly = byName('task', 'quarterly-report');
const freeName = byName('task', 'a-free-name');
const createIfAbsentCases: readonly Case[] = [
  row(
    'create_if_absent, name taken and allowed',
    { principal: alice, resource: quarterly, operation: Operation.UPDATE, createIfAbsent: true },
    ALLOWED_TASK_1,
  ),
  row(
    'create_if_absent, name taken and denied: never falls through to create',
    { principal: user('dave'), resource: quarterly, operation: Operation.UPDATE, createIfAbsent: true },
    NOT_FOUND,
  ),
  row(
    'create_if_absent, name free',
    { principal: user('dave'), resource: freeName, operation: Operation.UPDATE, createIfAbsent: true },
    ALLOWED,
  ),
  row(
    'create_if_absent, name free, create denied: as if it were taken',
    { principal: user('dave', 'nowhere'), resource: freeName, operation: Operation.UPDATE, createIfAbsent: true },
    NOT_FOUND,
  ),
  row(
    'create_if_absent, name taken, of another account',
    { principal: user('dave', 'nowhere'), resource: quarterly, operation: Operation.UPDATE, createIfAbsent: true },
    NOT_FOUND,
  ),
  row(
    'create_if_absent with an id',
    { principal: alice, resource: task1, operation: read, createIfAbsent: true },
    invalid('create_if_absent'),
  ),
];

const consistencyCases: readonly Case[] = [
  row(
    'minimize_latency',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'minimizeLatency', value: true } },
    },
    ALLOWED_TASK_1,
  ),
  row(
    'fully_consistent',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'fullyConsistent', value: true } },
    },
    ALLOWED_TASK_1,
  ),
  row(
    'minimize_latency of an operation that is always fully consistent',
    {
      principal: alice,
      resource: task1,
      operation: Operation.DELETE,
      consistency: { requirement: { case: 'minimizeLatency', value: true } },
    },
    ALLOWED_TASK_1,
  ),
  row(
    'fully_consistent: false',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'fullyConsistent', value: false } },
    },
    invalid('consistency.fully_consistent'),
  ),
  row(
    'minimize_latency: false',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'minimizeLatency', value: false } },
    },
    invalid('consistency.minimize_latency'),
  ),
  row(
    'an empty token',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'atLeastAsFresh', value: '' } },
    },
    invalid('consistency.at_least_as_fresh'),
  ),
  row(
    'a token in the wrong alphabet',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'atLeastAsFresh', value: 'not a token!' } },
    },
    invalid('consistency.at_least_as_fresh'),
  ),
  row(
    'a forged token',
    {
      principal: alice,
      resource: task1,
      operation: read,
      consistency: { requirement: { case: 'atLeastAsFresh', value: 'Zm9yZ2Vk' } },
    },
    invalid('consistency.at_least_as_fresh'),
  ),
  row(
    'a forged token for an absent child',
    {
      principal: alice,
      resource: byId('message', 'no-such-message'),
      operation: read,
      consistency: { requirement: { case: 'atLeastAsFresh', value: 'Zm9yZ2Vk' } },
    },
    invalid('consistency.at_least_as_fresh'),
  ),
];

/** Ids that must be taken for what they are: escaped, never interpreted, never folded into one another. */
const ODD_IDS = [
  'alice@example.com',
  'ålice',
  '任務-1',
  'a b',
  'a#b',
  'a:b',
  "'; DROP TABLE messages; --",
  '%',
  '=',
  '=2A',
  '**',
  '../task-1',
  'task-1 ',
  'TASK-1',
  'tasK-1',
  'msg-1\n',
];
const oddIdCases: readonly Case[] = ODD_IDS.flatMap((id) => [
  row(
    `task ${JSON.stringify(id)} is another id`,
    { principal: alice, resource: byId('task', id), operation: read },
    NOT_FOUND,
  ),
  row(
    `message ${JSON.stringify(id)} is another id`,
    { principal: alice, resource: byId('message', id), operation: read },
    NOT_FOUND,
  ),
  row(
    `user ${JSON.stringify(id)} is another user`,
    { principal: user(id), resource: task1, operation: read },
    NOT_FOUND,
  ),
]);

const UNKNOWN_OPERATION: number = 99;

/** Strings that can't be an id at all. */
const BAD_IDS: Readonly<Record<string, string>> = {
  'an empty id': '',
  'an id of 5,000 characters': 'x'.repeat(5_000),
  'an id that is too long once escaped': '@'.repeat(342),
  'an id with NUL': 'a\0b',
  'an id with a lone surrogate': 'a\uD800b',
};
const badIdCases: readonly Case[] = Object.entries(BAD_IDS).flatMap(([what, id]) => [
  row(`${what}: task`, { principal: alice, resource: byId('task', id), operation: read }, invalid('resource.id')),
  row(`${what}: message`, { principal: alice, resource: byId('message', id), operation: read }, invalid('resource.id')),
  row(`${what}: user`, { principal: user(id), resource: task1, operation: read }, invalid('principal.user_id')),
  row(
    `${what}: account`,
    { principal: user('alice', id), resource: task1, operation: read },
    invalid('principal.account_id'),
  ),
]);

const badRequestCases: readonly Case[] = [
  row('nothing set', {}, invalid('principal')),
  row('no principal', { resource: task1, operation: read }, invalid('principal')),
  row(
    'a principal without a subject',
    { principal: { accountId: 'acme' }, resource: task1, operation: read },
    invalid('principal'),
  ),
  row(
    'a principal without its account: no way round the tenant gate',
    { principal: { subject: { case: 'userId', value: 'alice' } }, resource: task1, operation: read },
    invalid('principal.account_id'),
  ),
  row('the user "*"', { principal: user('*'), resource: task1, operation: read }, invalid('principal.user_id')),
  row(
    'the account "*"',
    { principal: user('alice', '*'), resource: task1, operation: read },
    invalid('principal.account_id'),
  ),
  row(
    'an empty service account',
    {
      principal: { subject: { case: 'serviceAccountId', value: '' }, accountId: 'acme' },
      resource: task1,
      operation: read,
    },
    invalid('principal.service_account_id'),
  ),
  row(
    'an empty agent',
    { principal: { subject: { case: 'agentId', value: '' }, accountId: 'acme' }, resource: task1, operation: read },
    invalid('principal.agent_id'),
  ),
  row('no resource', { principal: alice, operation: read }, invalid('resource')),
  row(
    'a resource without a type',
    { principal: alice, resource: { key: { case: 'id', value: 'task-1' } }, operation: read },
    invalid('resource.type'),
  ),
  row(
    'a resource without a key',
    { principal: alice, resource: { type: 'task' }, operation: read },
    invalid('resource'),
  ),
  row(
    'an unknown type',
    { principal: alice, resource: byId('invoice', 'i-1'), operation: read },
    invalid('resource.type'),
  ),
  row(
    'a type of SpiceDB that is none of ours',
    { principal: alice, resource: byId('tenant', 'acme'), operation: read },
    invalid('resource.type'),
  ),
  row(
    'a type named like a property',
    { principal: alice, resource: byId('__proto__', 'x'), operation: read },
    invalid('resource.type'),
  ),
  row('no operation', { principal: alice, resource: task1 }, invalid('operation')),
  row(
    'an unknown operation',
    { principal: alice, resource: task1, operation: UNKNOWN_OPERATION },
    invalid('operation'),
  ),
  row(
    'an operation that the type does not have',
    { principal: alice, resource: byId('message', 'msg-1'), operation: Operation.CANCEL },
    invalid('operation'),
  ),
  row(
    'an operation that a checkpoint does not have',
    { principal: alice, resource: byId('checkpoint', 'task-1'), operation: Operation.CREATE },
    invalid('operation'),
  ),
  row('an empty name', { principal: alice, resource: byName('task', ''), operation: read }, invalid('resource.name')),
  row(
    'a name with NUL',
    { principal: alice, resource: byName('task', 'a\0'), operation: read },
    invalid('resource.name'),
  ),
  row(
    'a name of 5,000 characters',
    { principal: alice, resource: byName('task', 'x'.repeat(5_000)), operation: read },
    invalid('resource.name'),
  ),
];

/** Every case of CheckTask against the sample data and the default configuration. */
export const CASES: readonly Case[] = [
  ...grantCases,
  ...namedCases,
  ...createCases,
  ...createIfAbsentCases,
  ...consistencyCases,
  ...oddIdCases,
  ...badIdCases,
  ...badRequestCases,
];
