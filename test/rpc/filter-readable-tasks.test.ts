import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import {
  AuthorizationService,
  ConsistencySchema,
  FilterReadableTasksRequestSchema,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { startSampleStores, startWithStores, useTaskgate } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createAllClients, createGrpcClient, TRANSPORT_NAMES } from '../support/transports.ts';

type Request = MessageInitShape<typeof FilterReadableTasksRequestSchema>;
type Ref = NonNullable<Request['resources']>[number];

const { filterReadableTasks } = AuthorizationService.method;
const gate = useTaskgate();
const socketGate = useTaskgate({ grpc: 'socket' });
let clients: ReadonlyMap<string, TestClient>;
beforeAll(() => {
  const { grpc, http } = gate().addresses;
  const all = createAllClients({ grpc, http, socket: socketGate().addresses.grpc });
  clients = new Map(all.map((client) => [client.name, client]));
});
afterAll(async () => {
  await Promise.all([...clients.values()].map(async (client) => client[Symbol.asyncDispose]()));
});

const byId = (type: string, id: string): Ref => ({ type, key: { case: 'id', value: id } });
const byName = (type: string, name: string): Ref => ({ type, key: { case: 'name', value: name } });
const user = (userId: string, accountId = 'acme'): NonNullable<Request['principal']> => ({
  subject: { case: 'userId', value: userId },
  accountId,
});

const MIXED: readonly Ref[] = [
  byId('message', 'msg-9'),
  byId('message', 'msg-1'),
  byId('task', 'task-1'),
  byName('task', 'quarterly-report'),
  byName('task', 'no-such-name'),
  byId('message', 'no-such-message'),
  byId('event', 'event-1'),
  byId('message', 'msg-1'),
  byId('state', 'state-1'),
  byId('agent', 'agent-1'),
  byId('checkpoint', 'task-1'),
  byId('task', 'task-5'),
  byId('message', 'msg-5'),
  byId('message', 'msg-orphan'),
  byId('tracker', 'tracker-1'),
];

/** What is left, as `type key`. */
async function filter(transport: string, request: Request): Promise<readonly string[] | string> {
  const client = clients.get(transport);
  if (client === undefined) throw new Error(`no client for ${transport}`);
  const outcome = await client.call(filterReadableTasks, request);
  if (outcome.kind === 'error') return `${outcome.code} ${outcome.message}`;
  return outcome.message.resources.map(({ type, key }) => `${type} ${key.value}`);
}

const CAROL = [
  'message msg-1',
  'task task-1',
  'task quarterly-report',
  'message msg-1',
  'state state-1',
  'checkpoint task-1',
  'tracker tracker-1',
];

describe.each(TRANSPORT_NAMES)('FilterReadableTasks over %s', (transport) => {
  it.each<[string, Request, readonly string[]]>([
    [
      'what a viewer may read, in order and as often as asked',
      { principal: user('carol'), resources: [...MIXED] },
      CAROL,
    ],
    [
      'what an owner may delete',
      {
        principal: user('alice'),
        resources: [byId('task', 'task-1'), byId('agent', 'agent-1'), byId('state', 'state-1'), byId('task', 'task-9')],
        operation: Operation.DELETE,
      },
      ['task task-1', 'agent agent-1', 'state state-1'],
    ],
    ['nothing of one task that is hidden', { principal: user('dave'), resources: [byId('task', 'task-1')] }, []],
    ['nothing of one task that is absent', { principal: user('dave'), resources: [byId('task', 'no-such-task')] }, []],
    [
      'nothing for an owner who acts in another account',
      { principal: user('alice', 'globex'), resources: [...MIXED] },
      [],
    ],
    [
      'only its own for another account',
      { principal: user('mallory', 'globex'), resources: [...MIXED] },
      ['message msg-9'],
    ],
  ])('leaves %s', async (_, request, expected) => {
    expect(await filter(transport, request)).toEqual(expected);
    const fullyConsistent = create(FilterReadableTasksRequestSchema, request);
    fullyConsistent.consistency = create(ConsistencySchema, { requirement: { case: 'fullyConsistent', value: true } });
    expect(await filter(transport, fullyConsistent)).toEqual(expected);
  });

  it.each<[string, Request, RegExp]>([
    ['an empty list', { principal: user('alice') }, /^INVALID_ARGUMENT resources: must not be empty$/],
    [
      '10,001 resources',
      { principal: user('alice'), resources: Array.from({ length: 10_001 }, () => byId('task', 't')) },
      /^INVALID_ARGUMENT resources: must be at most 10000$/,
    ],
    ['no principal', { resources: [byId('task', 't')] }, /^INVALID_ARGUMENT principal: /],
    [
      'a malformed one among good ones',
      { principal: user('alice'), resources: [byId('task', 'task-1'), byId('task', '')] },
      /^INVALID_ARGUMENT resources\[1\]\.id: must not be empty$/,
    ],
    [
      'one without a key',
      { principal: user('alice'), resources: [byId('task', 'task-1'), { type: 'task' }] },
      /^INVALID_ARGUMENT resources\[1\]: /,
    ],
    [
      'an unknown type among good ones',
      { principal: user('alice'), resources: [byId('task', 'task-1'), byId('task', 'x'), byId('invoice', 'i')] },
      /^INVALID_ARGUMENT resources\[2\]\.type: /,
    ],
    ['"*"', { principal: user('alice'), resources: [byId('task', '*')] }, /^INVALID_ARGUMENT resources\[0\]\.id: /],
    [
      'a name of a type without names',
      { principal: user('alice'), resources: [byName('message', 'm')] },
      /^INVALID_ARGUMENT resources\[0\]\.name: /,
    ],
    [
      'an operation that a type does not have',
      { principal: user('alice'), resources: [byId('message', 'msg-1')], operation: Operation.CANCEL },
      /^INVALID_ARGUMENT operation: /,
    ],
    [
      'an unknown operation',
      { principal: user('alice'), resources: [byId('task', 't')], operation: 99 as Operation },
      /^INVALID_ARGUMENT operation: /,
    ],
  ])('refuses %s', async (_, request, expected) => {
    expect(await filter(transport, request)).toMatch(expected);
  });

  it('answers 10,000 at once', async () => {
    const resources = Array.from({ length: 10_000 }, (_, index) =>
      index % 100 === 7 ? byId('message', 'msg-1') : byId('message', `none-${index}`),
    );
    expect(await filter(transport, { principal: user('carol'), resources })).toEqual(
      Array.from({ length: 100 }, () => 'message msg-1'),
    );
  });
});

describe('a store that fails', () => {
  it.each([
    ['the database', { databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }],
    ['SpiceDB', { spiceDb: { endpoint: '127.0.0.1:1', timeoutMs: 500 } }],
  ])('makes the whole list an error, never a shorter one: %s', async (_, dead) => {
    await using stores = await startSampleStores();
    await using broken = await startWithStores({ ...stores, ...dead });
    await using client = createGrpcClient('gRPC', broken.addresses.grpc);
    const outcome = await client.call(filterReadableTasks, {
      principal: user('carol'),
      resources: [byId('task', 'task-1'), byId('message', 'msg-1')],
    });
    expect(outcome).toMatchObject({ kind: 'error', code: 'UNAVAILABLE' });
  });
});
