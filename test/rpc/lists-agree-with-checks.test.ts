import { setTimeout as delay } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import type { Principal } from '../../src/domain/principal.ts';
import { loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { ConsistencySchema, ListReadableTasksRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import type { PrincipalInit } from '../support/check-requests.ts';
import type { Random } from '../support/random.ts';
import { createRandom } from '../support/random.ts';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { findSpiceDb, startSpiceDbServer } from '../support/spicedb-server.ts';
import type { TaskGraph, TaskOperation } from '../support/task-graph.ts';
import { accountGates, ACTORS, belongsTo, createTaskGraph, holdsRole, TASK_OPERATIONS } from '../support/task-graph.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startWithStores } from '../support/taskgate.ts';
import { createTestDatabase } from '../support/test-database.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { checkTask, filterReadableTasks, listReadableTasks } = AuthorizationService.method;
type Consistency = MessageInitShape<typeof ConsistencySchema>;
type ListRequest = MessageInitShape<typeof ListReadableTasksRequestSchema>;

const FULLY_CONSISTENT: Consistency = { requirement: { case: 'fullyConsistent', value: true } };
const MINIMIZE_LATENCY: Consistency = { requirement: { case: 'minimizeLatency', value: true } };
const EVERY_CONSISTENCY: readonly Consistency[] = [FULLY_CONSISTENT, MINIMIZE_LATENCY];
const YAML = `lists: { cursor_secrets: [a cursor secret of the tests only] }`;
/** More candidates than this are looked up, not checked, where the principal holds few of them. */
const LOOKED_UP = 2_000;

/** A taskgate over an engine's empty store, and a connection to the store. */
interface World extends AsyncDisposable {
  readonly gate: TestTaskgate;
  readonly client: TestClient;
  readonly chain: RelationshipChain;
}

async function startWorld(engine: SpiceDbEngine): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const store = opened.use(await engine.openStore(loadSchema()));
  const world = opened.use(await openWorld(store.options));
  const kept = opened.move();
  return { ...world, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

async function openWorld(spiceDb: SpiceDbOptions): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb });
  opened.defer(() => chain.close());
  const database = opened.use(await createTestDatabase(inject('postgresUrl'), [loadSampleTables()]));
  const gate = opened.use(await startWithStores({ spiceDb, databaseUrl: database.url }, { yaml: YAML }));
  const client = opened.use(createGrpcClient('gRPC', gate.addresses.grpc));
  const kept = opened.move();
  return { gate, client, chain, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

async function startGraph(engine: SpiceDbEngine, random: Random, size: number): Promise<World & { graph: TaskGraph }> {
  const world = await startWorld(engine);
  const graph = createTaskGraph(random, size);
  for (let at = 0; at < graph.relationships.length; at += 500) {
    await world.chain.writer.touch(graph.relationships.slice(at, at + 500), callContext());
  }
  return { ...world, graph };
}

function toMessage({ kind, id, account }: Principal): PrincipalInit {
  const fields = { user: 'userId', service_account: 'serviceAccountId', agent: 'agentId' } as const;
  return { subject: { case: fields[kind], value: id }, accountId: account };
}

const byId = (id: string) => ({ type: 'task', key: { case: 'id' as const, value: id } });

/** What was asked. */
interface Question {
  readonly principal: Principal;
  readonly operation: TaskOperation;
  readonly consistency: Consistency;
}

/** The ids for which CheckTask says ALLOWED; anything but a decision throws. */
async function check(client: TestClient, { principal, operation, consistency }: Question, ids: readonly string[]) {
  const answers = await Promise.all(
    ids.map(async (id) => {
      const request = { principal: toMessage(principal), resource: byId(id), operation: Operation[operation] };
      const outcome = await client.call(checkTask, { ...request, consistency });
      if (outcome.kind !== 'message') throw new Error(`${outcome.code} ${outcome.message}`);
      return outcome.message.decision === Decision.ALLOWED;
    }),
  );
  return ids.filter((_, index) => answers[index] === true);
}

async function filter(client: TestClient, { principal, operation, consistency }: Question, ids: readonly string[]) {
  const outcome = await client.call(filterReadableTasks, {
    principal: toMessage(principal),
    resources: ids.map(byId),
    operation: Operation[operation],
    consistency,
  });
  if (outcome.kind !== 'message') throw new Error(`${outcome.code} ${outcome.message}`);
  return outcome.message.resources.map(({ key }) => String(key.value));
}

interface Listed {
  readonly ids: readonly string[];
  readonly cursors: readonly string[];
  readonly error: string | undefined;
}

async function listAny(client: TestClient, request: ListRequest): Promise<Listed> {
  const ids: string[] = [];
  const cursors: string[] = [];
  let isComplete = false;
  const stream = client.stream(listReadableTasks, request);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) {
      const error = next.value?.kind === 'error' ? next.value.code : isComplete ? undefined : 'not complete';
      return { ids, cursors, error };
    }
    const { event } = next.value;
    isComplete = event.case === 'complete';
    if (event.case !== 'page') continue;
    ids.push(...event.value.taskIds);
    cursors.push(event.value.cursor);
  }
}

async function list(client: TestClient, { principal, operation, consistency }: Question, pageSize: number) {
  const request = { principal: toMessage(principal), operation: Operation[operation], consistency, pageSize };
  const listed = await listAny(client, request);
  if (listed.error !== undefined) throw new Error(listed.error);
  return listed;
}

/*
 * What is promised while writes run: a list is of one revision, from beginning to end and over all its pages. So what
 * may be read throughout is in it, what may be read at no time is not, and of two tasks of which a write takes one and
 * gives the other in the same moment it holds exactly one.
 */
async function expectOneRevision(world: World, consistencies: readonly Consistency[]): Promise<void> {
  const { client, chain } = world;
  const reader = { kind: 'user', id: 'reader', account: 'acme' } as const;
  const name = (kind: string) => Array.from({ length: 20 }, (_, index) => `${kind}-${index}`);
  // In this order, so that the two of a pair are in different halves of a list.
  const [left, never, steady, right] = [name('1-left'), name('2-never'), name('3-steady'), name('4-right')];
  const all = [...steady, ...never, ...left, ...right];
  await chain.writer.touch([...accountGates(), ...all.map((id) => belongsTo(id, 'acme'))], callContext());
  await chain.writer.touch(
    [...steady, ...left].map((id) => holdsRole(id, 'viewer', reader)),
    callContext(),
  );
  await chain.writer.touch(
    never.map((id) => holdsRole(id, 'executor', reader)),
    callContext(),
  );

  const stop = new AbortController();
  let writes = 0;
  const writing = (async () => {
    const random = createRandom(5);
    const at = left.map(() => false);
    while (!stop.signal.aborted) {
      const index = random.below(left.length);
      const [from, to] = at[index] === true ? [right, left] : [left, right];
      at[index] = at[index] !== true;
      await chain.writer.write(
        {
          remove: [holdsRole(from[index] ?? '', 'viewer', reader)],
          touch: [holdsRole(to[index] ?? '', 'viewer', reader)],
        },
        callContext(),
      );
      writes += 1;
      await delay(1);
    }
  })();
  const expectOne = (ids: readonly string[], what: string): void => {
    const held = new Set(ids);
    expect(held.size, what).toBe(ids.length);
    expect(
      steady.every((id) => held.has(id)),
      what,
    ).toBe(true);
    expect(
      never.some((id) => held.has(id)),
      what,
    ).toBe(false);
    const ofPairs = left.map((id, index) => Number(held.has(id)) + Number(held.has(right[index] ?? '')));
    expect(ofPairs, what).toEqual(left.map(() => 1));
  };
  try {
    for (let round = 0; round < 15; round += 1) {
      for (const consistency of consistencies) {
        const question = { principal: reader, operation: 'READ', consistency } as const;
        const { ids, cursors } = await list(client, question, 1 + (round % 9));
        expectOne(ids, 'a list');
        // Taken up again later, in another process as it were, it is still of that revision.
        const [middle, writesBefore] = [Math.floor(cursors.length / 2), writes];
        await vi.waitFor(() => expect(writes).toBeGreaterThan(writesBefore + 5), { timeout: 10_000, interval: 2 });
        const rest = await listAny(client, {
          principal: toMessage(reader),
          cursor: cursors[middle] ?? '',
          pageSize: 3,
        });
        expectOne([...ids.slice(0, ids.length - rest.ids.length), ...rest.ids], 'a list in two parts');
        if (consistency === FULLY_CONSISTENT) expectOne(await filter(client, question, all), 'a filter');
        // Answers that are kept are each of their own recent revision.
        const filtered = new Set(await filter(client, question, [...steady, ...never]));
        expect(steady.every((id) => filtered.has(id))).toBe(true);
        expect(never.some((id) => filtered.has(id))).toBe(false);
      }
    }
  } finally {
    stop.abort();
    await writing;
  }
  expect(writes).toBeGreaterThan(30);
}

describe.each(SPICEDB_ENGINES)('lists on $name', { timeout: 120_000 }, ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  test.each([1, 2, 3])('hold what checks allow, whatever the page: graph %d', async (seed) => {
    const size = 61;
    await using world = await startGraph(engine, createRandom(seed), size);
    const { client, graph } = world;
    const sorted = graph.ids.toSorted();
    for (const [index, principal] of ACTORS.entries()) {
      const operation = TASK_OPERATIONS[(index + seed) % TASK_OPERATIONS.length] ?? 'READ';
      for (const one of new Set<TaskOperation>(['READ', operation])) {
        const question = { principal, operation: one, consistency: FULLY_CONSISTENT };
        const allowed = await check(client, question, sorted);
        expect(allowed).toEqual(sorted.filter((id) => graph.isAllowed(principal, one, id)));
        expect(await filter(client, question, sorted)).toEqual(allowed);
        const count = allowed.length;
        for (const pageSize of new Set([1, 2, 3, 7, count - 1, count, count + 1, size, 10_000])) {
          if (pageSize < 1) continue;
          const { ids, cursors } = await list(client, question, pageSize);
          expect(ids, `pages of ${pageSize}`).toEqual(allowed);
          expect(cursors).toHaveLength(Math.ceil(count / pageSize));
        }
      }
    }
  });

  test('go on after every page, with pages of any size, to what is left', async () => {
    await using world = await startGraph(engine, createRandom(4), 40);
    const [principal] = ACTORS;
    if (principal === undefined) throw new Error('nobody acts');
    const question = { principal, operation: 'READ', consistency: FULLY_CONSISTENT } as const;
    const { ids, cursors } = await list(world.client, question, 1);
    expect(ids.length).toBeGreaterThan(3);
    for (const [index, cursor] of cursors.entries()) {
      for (const pageSize of [1, 2, 3, 5, 1_000]) {
        const rest = await listAny(world.client, { principal: toMessage(principal), cursor, pageSize });
        expect([rest.ids, rest.error]).toEqual([ids.slice(index + 1), undefined]);
      }
    }
  });

  test('are of one revision while writes run', async () => {
    await using world = await startWorld(engine);
    // In memory SpiceDB takes now for the latest revision, before a write that has begun: only the freshest is exact.
    await expectOneRevision(world, [FULLY_CONSISTENT]);
  });

  test('leave nothing behind that a check would take for its own', async () => {
    await using world = await startGraph(engine, createRandom(6), 120);
    const { client, graph } = world;
    const random = createRandom(7);
    const ghosts = Array.from({ length: LOOKED_UP }, (_, index) => `ghost-${index}`);
    for (let round = 0; round < 25; round += 1) {
      // Of two who differ in their account or kind alone, one has a list made, and the other asks.
      const lister = random.pick(ACTORS);
      const asker = random.pick(ACTORS);
      const operation = random.pick(TASK_OPERATIONS);
      const question = { principal: lister, operation, consistency: random.pick(EVERY_CONSISTENCY) };
      const candidates = random.shuffled(graph.ids);
      if (random.chance(0.5)) await list(client, question, 1 + random.below(20));
      if (random.chance(0.5)) await filter(client, question, candidates);
      if (random.chance(0.5)) await filter(client, question, [...ghosts, ...candidates]);
      for (const principal of [asker, lister]) {
        const asked = { principal, operation: random.pick(TASK_OPERATIONS), consistency: MINIMIZE_LATENCY };
        for (const one of [asked, { ...asked, operation }]) {
          const ids = candidates.slice(0, 30);
          const expected = ids.filter((id) => graph.isAllowed(principal, one.operation, id));
          expect([round, ...(await check(client, one, ids))]).toEqual([round, ...expected]);
        }
      }
    }
  });
});

const binary = findSpiceDb();
describe.skipIf(binary === undefined)('lists on SpiceDB with Postgres', { timeout: 120_000 }, () => {
  test('are of one revision while writes run, at whatever consistency', async () => {
    const postgresUrl = inject('postgresUrl');
    await using server = await startSpiceDbServer(binary ?? '', { postgresUrl, relationships: accountGates() });
    await using world = await openWorld(server.options);
    await expectOneRevision(world, EVERY_CONSISTENCY);
  });
});

describe('a cursor with one bit flipped', { timeout: 120_000 }, () => {
  test('is refused, whichever bit it is', async () => {
    const [embedded] = SPICEDB_ENGINES;
    if (embedded === undefined) throw new Error('no engine');
    const engine = await embedded.start();
    await using world = await startGraph(engine, createRandom(8), 20);
    const [principal] = ACTORS;
    if (principal === undefined) throw new Error('nobody acts');
    const question = { principal, operation: 'READ', consistency: FULLY_CONSISTENT } as const;
    const [cursor = ''] = (await list(world.client, question, 1)).cursors;
    const flip = (bytes: Buffer, bit: number): Buffer => {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return flipped;
    };
    const [text, bytes] = [Buffer.from(cursor, 'latin1'), Buffer.from(cursor, 'base64url')];
    const spoilt = [
      ...Array.from({ length: text.length * 8 }, (_, bit) => flip(text, bit).toString('latin1')),
      ...Array.from({ length: bytes.length * 8 }, (_, bit) => flip(bytes, bit).toString('base64url')),
      ...Array.from({ length: cursor.length - 1 }, (_, end) => cursor.slice(0, end + 1)),
      ...Array.from({ length: cursor.length - 1 }, (_, from) => cursor.slice(from + 1)),
    ];
    const ask = async (one: string, who = principal): Promise<Listed> =>
      listAny(world.client, { principal: toMessage(who), cursor: one, pageSize: 1 });
    for (let at = 0; at < spoilt.length; at += 50) {
      const answers = await Promise.all(spoilt.slice(at, at + 50).map(async (one) => ask(one)));
      for (const [index, answer] of answers.entries()) {
        expect(answer, spoilt[at + index]).toEqual({ ids: [], cursors: [], error: 'INVALID_ARGUMENT' });
      }
    }
    for (const other of ACTORS.slice(1)) expect((await ask(cursor, other)).error).toBe('INVALID_ARGUMENT');
    expect((await ask(cursor)).error).toBeUndefined();
    await engine.close();
  });
});
