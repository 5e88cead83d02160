import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import type {
  ListReadableTasksRequestSchema,
  ListReadableTasksResponseSchema,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { callContext, SYSTEM_CLOCK, task } from '../support/spicedb.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createAllClients, TRANSPORT_NAMES } from '../support/transports.ts';

type Request = MessageInitShape<typeof ListReadableTasksRequestSchema>;
type Response = MessageShape<typeof ListReadableTasksResponseSchema>;

const { listReadableTasks, checkTask } = AuthorizationService.method;
const user = (userId: string, accountId = 'acme'): NonNullable<Request['principal']> => ({
  subject: { case: 'userId', value: userId },
  accountId,
});

/** 250 tasks of `lister`, each with two roles, and one each that it may not read. */
const COUNT = 250;
const idOf = (index: number): string => `täsk/${String(index).padStart(4, '0')}`;
const OWN: readonly Relationship[] = Array.from({ length: COUNT }, (_, index) => [
  belongs(idOf(index), 'acme'),
  holds(idOf(index), 'owner', 'lister'),
  holds(idOf(index), 'viewer', 'lister'),
]).flat();
const OTHERS: readonly Relationship[] = [
  belongs('of-globex', 'globex'),
  holds('of-globex', 'owner', 'lister'),
  holds('of-no-account', 'owner', 'lister'),
  belongs('executed-only', 'acme'),
  holds('executed-only', 'executor', 'lister'),
];
const ALL = Array.from({ length: COUNT }, (_, index) => idOf(index));

function belongs(id: string, account: string): Relationship {
  return { object: task(id), relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account } } };
}

function holds(id: string, relation: string, who: string): Relationship {
  return { object: task(id), relation, subject: { kind: 'principal', principalKind: 'user', id: who } };
}

const YAML = `{lists: {
  cursor_secrets: ["a cursor secret of the tests only"],
  unscoped: [{kind: service_account, id: indexer, account: acme}]}}`;
let stores: SampleStores;
const gates: TestTaskgate[] = [];
let clients: ReadonlyMap<string, TestClient>;
beforeAll(async () => {
  stores = await startSampleStores();
  await write([...OWN, ...OTHERS]);
  gates.push(
    await startWithStores(stores, { yaml: YAML }),
    await startWithStores(stores, { yaml: YAML, grpc: 'socket' }),
  );
  const [tcp, socket] = gates;
  const all = createAllClients({
    grpc: tcp?.addresses.grpc ?? '',
    http: tcp?.addresses.http ?? '',
    socket: socket?.addresses.grpc ?? '',
  });
  clients = new Map(all.map((client) => [client.name, client]));
});
afterAll(async () => {
  for (const client of clients.values()) await client[Symbol.asyncDispose]();
  for (const gate of gates) await gate.close();
  await stores[Symbol.asyncDispose]();
});

async function write(relationships: readonly Relationship[]): Promise<void> {
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
  await chain.writer.touch(relationships, callContext());
  chain.close();
}

function clientOf(transport: string): TestClient {
  const client = clients.get(transport);
  if (client === undefined) throw new Error(`no client for ${transport}`);
  return client;
}

/** All events, and the error that ended the stream. */
async function list(transport: string, request: Request) {
  const events: Response['event'][] = [];
  const stream = clientOf(transport).stream(listReadableTasks, request);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) {
      const error = next.value?.kind === 'error' ? `${next.value.code} ${next.value.message}` : undefined;
      const pages = events.flatMap((event) => (event.case === 'page' ? [event.value] : []));
      return { events, pages, ids: pages.flatMap(({ taskIds }) => taskIds), error };
    }
    events.push(next.value.event);
  }
}

describe.each(TRANSPORT_NAMES)('ListReadableTasks over %s', (transport) => {
  it.each([0, 1, 7, 249, 250, 251, 10_000])(
    'gives every task once, ascending, and then says complete: pages of %d',
    async (pageSize) => {
      const { events, pages, ids, error } = await list(transport, { principal: user('lister'), pageSize });
      expect(error).toBeUndefined();
      expect(ids).toEqual(ALL);
      expect(pages.every(({ taskIds }) => taskIds.length <= (pageSize || 1_000))).toBe(true);
      expect(events.at(-1)).toEqual({ case: 'complete', value: true });
      expect(events.filter((event) => event.case === 'complete')).toHaveLength(1);
    },
  );

  it('goes on after any page', async () => {
    const { pages } = await list(transport, { principal: user('lister'), pageSize: 60 });
    for (const [index, { cursor }] of pages.entries()) {
      const rest = await list(transport, { principal: user('lister'), pageSize: 33, cursor });
      expect(rest.ids).toEqual(ALL.slice(60 * (index + 1)));
      expect(rest.events.at(-1)?.case).toBe('complete');
    }
  });

  it('gives nothing but complete to who may read nothing', async () => {
    expect((await list(transport, { principal: user('nobody') })).events).toEqual([{ case: 'complete', value: true }]);
    expect((await list(transport, { principal: user('lister', 'nowhere') })).events).toEqual([
      { case: 'complete', value: true },
    ]);
  });

  it('lists by the operation', async () => {
    expect((await list(transport, { principal: user('lister'), operation: Operation.EXECUTE })).ids).toEqual([
      'executed-only',
      ...ALL,
    ]);
    expect((await list(transport, { principal: user('carol'), operation: Operation.DELETE })).ids).toEqual([]);
  });

  it('says unscoped to who is configured so, and to nobody else', async () => {
    const indexer = { subject: { case: 'serviceAccountId' as const, value: 'indexer' }, accountId: 'acme' };
    expect((await list(transport, { principal: indexer })).events).toEqual([
      { case: 'unscoped', value: true },
      { case: 'complete', value: true },
    ]);
    for (const principal of [{ ...indexer, accountId: 'globex' }, user('indexer')]) {
      expect((await list(transport, { principal })).events).toEqual([{ case: 'complete', value: true }]);
    }
  });

  it.each<[string, Request, RegExp]>([
    ['no principal', {}, /^INVALID_ARGUMENT principal: /],
    ['a page of -1', { principal: user('lister'), pageSize: -1 }, /^INVALID_ARGUMENT page_size: /],
    ['a page of 10,001', { principal: user('lister'), pageSize: 10_001 }, /^INVALID_ARGUMENT page_size: /],
    ['create', { principal: user('lister'), operation: Operation.CREATE }, /^INVALID_ARGUMENT operation: /],
    ['a cursor that is none', { principal: user('lister'), cursor: 'none' }, /^INVALID_ARGUMENT cursor: /],
    [
      'a forged token',
      { principal: user('lister'), consistency: { requirement: { case: 'atLeastAsFresh', value: '!' } } },
      /^INVALID_ARGUMENT consistency/,
    ],
  ])('refuses %s', async (_, request, expected) => {
    const { events, error } = await list(transport, request);
    expect(events).toEqual([]);
    expect(error).toMatch(expected);
  });

  it('refuses the cursor of another principal, account or operation, and one with a consistency beside it', async () => {
    const [page] = (await list(transport, { principal: user('lister'), pageSize: 10 })).pages;
    const cursor = page?.cursor ?? '';
    for (const request of [
      { principal: user('mallory'), cursor },
      { principal: user('lister', 'globex'), cursor },
      { principal: user('lister'), operation: Operation.DELETE, cursor },
      { principal: user('lister'), cursor: `${cursor.slice(0, -1)}${cursor.endsWith('A') ? 'B' : 'A'}` },
      { principal: user('lister'), cursor: cursor.slice(0, -4) },
    ]) {
      expect((await list(transport, request)).error).toMatch(/^INVALID_ARGUMENT cursor: /);
    }
    const beside = { requirement: { case: 'fullyConsistent' as const, value: true } };
    expect((await list(transport, { principal: user('lister'), cursor, consistency: beside })).error).toMatch(
      /^INVALID_ARGUMENT consistency: /,
    );
  });

  it('ends for a caller who leaves half way, and answers others', async () => {
    const leaving = new AbortController();
    const stream = clientOf(transport).stream(
      listReadableTasks,
      { principal: user('lister'), pageSize: 1 },
      { signal: leaving.signal },
    );
    await stream.next();
    leaving.abort();
    let next = await stream.next();
    while (next.done !== true) next = await stream.next();
    expect(next.value).toMatchObject({ kind: 'error', code: 'CANCELLED' });
    expect((await list(transport, { principal: user('lister') })).ids).toEqual(ALL);
  });
});

it('agrees with single checks, and goes on as of its own revision while writes run', async () => {
  const client = clientOf('gRPC/TCP');
  const before = await list('gRPC/TCP', { principal: user('lister'), pageSize: 100 });
  await write([belongs('a-new-task', 'acme'), holds('a-new-task', 'owner', 'lister')]);
  const rest = await list('gRPC/TCP', { principal: user('lister'), cursor: before.pages[0]?.cursor ?? '' });
  expect(rest.ids).toEqual(ALL.slice(100));

  const fresh = await list('gRPC/TCP', {
    principal: user('lister'),
    consistency: { requirement: { case: 'fullyConsistent', value: true } },
  });
  expect(fresh.ids).toEqual(['a-new-task', ...ALL]);
  for (const id of [...fresh.ids.slice(0, 40), 'of-globex', 'of-no-account', 'executed-only', 'task-1']) {
    const outcome = await client.call(checkTask, {
      principal: user('lister'),
      resource: { type: 'task', key: { case: 'id', value: id } },
      operation: Operation.READ,
    });
    expect([id, outcome.kind === 'message' && outcome.message.taskId === id]).toEqual([id, fresh.ids.includes(id)]);
  }
});

it('is an error without SpiceDB, never a short list', async () => {
  await using broken = await startWithStores({ ...stores, spiceDb: { endpoint: '127.0.0.1:1', timeoutMs: 500 } });
  const [client] = createAllClients({ ...broken.addresses, socket: broken.addresses.grpc });
  const stream = client?.stream(listReadableTasks, { principal: user('lister') });
  expect(await stream?.next()).toMatchObject({ done: true, value: { kind: 'error', code: 'UNAVAILABLE' } });
  await client?.[Symbol.asyncDispose]();
});
