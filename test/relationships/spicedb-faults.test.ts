import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { v1 } from '@authzed/authzed-node';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import type { RelationshipCheck, Relationships } from '../../src/authorize/ports.ts';
import type { RelationshipWriter } from '../../src/authorize/ports-lifecycle.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import {
  CancelledError,
  DeadlineExceededError,
  OverloadedError,
  TaskgateError,
  UnavailableError,
} from '../../src/domain/errors.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { createSpiceDbRelationships } from '../../src/relationships/spicedb-relationships.ts';
import { createSpiceDbWriter } from '../../src/relationships/spicedb-writer.ts';
import { SYSTEM_CLOCK, callContext, taskCheck } from '../support/spicedb.ts';
import { StatusError, startFakeSpiceDb } from './fake-spicedb.ts';
import type { FakeAnswers } from './fake-spicedb.ts';

const { HAS_PERMISSION, NO_PERMISSION, UNSPECIFIED } = v1.CheckPermissionResponse_Permissionship;
const UNKNOWN_PERMISSIONSHIP: number = 99;
const CANARY = 'canary-9f3c';
const TOKEN = { token: 'revision-1' };
const ONE = [taskCheck('task-1')];
const TWO = [taskCheck('task-1'), taskCheck('task-9')];

type Pair = v1.CheckBulkPermissionsPair;
type BulkRequest = v1.CheckBulkPermissionsRequest;

/** The client over `options`, which is closed with the block. */
function useRelationships(options: SpiceDbOptions): Relationships & RelationshipWriter & Disposable {
  const client = createSpiceDbClient({ clock: SYSTEM_CLOCK, random: () => 0 }, options);
  const freshness = createFreshness({ clock: SYSTEM_CLOCK });
  return {
    ...createSpiceDbRelationships({ client }),
    ...createSpiceDbWriter({ client, freshness }),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Asks a fake that answers so, and returns the error. */
async function askFake(answers: FakeAnswers, checks: readonly RelationshipCheck[]): Promise<unknown> {
  await using fake = await startFakeSpiceDb(answers);
  using relationships = useRelationships(fake.options);
  // Awaited here: the fake must still be there when it is asked.
  const answer = await relationships.check(checks, MINIMIZE_LATENCY, callContext()).catch((error: unknown) => error);
  expect(fake.authorizations).not.toEqual([]);
  return answer;
}

function allowAll({ items }: BulkRequest): v1.CheckBulkPermissionsResponse {
  return { checkedAt: TOKEN, pairs: items.map((request) => ({ request, response: itemOf(HAS_PERMISSION) })) };
}

function itemOf(permissionship: v1.CheckPermissionResponse_Permissionship): Pair['response'] {
  return { oneofKind: 'item', item: { permissionship } };
}

/** Answers that allow everything, with one thing about them changed. */
function bulkWith(change: (pairs: Pair[], request: BulkRequest) => Pair[]): FakeAnswers {
  return { bulk: (request) => ({ checkedAt: TOKEN, pairs: change(allowAll(request).pairs, request) }) };
}

function withItem(change: (item: v1.CheckBulkPermissionsRequestItem) => void): FakeAnswers {
  return bulkWith((pairs) => {
    const item = pairs[1]?.request;
    if (item !== undefined) change(item);
    return pairs;
  });
}

describe('an answer that can not be understood is neither an allow nor a denial', () => {
  const hostile: readonly { name: string; answers: FakeAnswers; checks?: readonly RelationshipCheck[] }[] = [
    { name: 'no pairs', answers: bulkWith(() => []) },
    { name: 'a pair too few', answers: bulkWith((pairs) => pairs.slice(1)) },
    { name: 'a pair too many', answers: bulkWith((pairs) => [...pairs, ...pairs.slice(0, 1)]) },
    { name: 'swapped pairs', answers: bulkWith((pairs) => pairs.toReversed()) },
    { name: 'a repeated pair', answers: bulkWith(([first]) => (first === undefined ? [] : [first, first])) },
    { name: 'a pair without its item', answers: bulkWith((pairs) => pairs.map(({ response }) => ({ response }))) },
    {
      name: 'a pair without an answer',
      answers: bulkWith((pairs) =>
        pairs.map(({ request }) => ({ ...(request && { request }), response: { oneofKind: undefined } })),
      ),
    },
    { name: 'another permission', answers: withItem((item) => (item.permission = 'other')) },
    {
      name: 'another type',
      answers: withItem((item) => (item.resource = { objectType: 'agent', objectId: 'task-9' })),
    },
    {
      name: 'another subject',
      answers: withItem(
        (item) => (item.subject = { object: { objectType: 'user', objectId: 'eve' }, optionalRelation: '' }),
      ),
    },
    {
      name: 'another kind of subject',
      answers: withItem(
        (item) => (item.subject = { object: { objectType: 'agent', objectId: 'alice' }, optionalRelation: '' }),
      ),
    },
    {
      name: 'a subject relation',
      answers: withItem(
        (item) => (item.subject = { object: { objectType: 'user', objectId: 'alice' }, optionalRelation: 'member' }),
      ),
    },
    {
      name: 'another account',
      answers: withItem((item) => (item.context = v1.createStructFromObject({ account: 'globex' }))),
    },
    {
      name: 'an unknown permissionship in bulk',
      answers: bulkWith((pairs) => pairs.map((pair) => ({ ...pair, response: itemOf(UNKNOWN_PERMISSIONSHIP) }))),
    },
    {
      name: 'no permissionship in bulk',
      answers: bulkWith((pairs) => pairs.map((pair) => ({ ...pair, response: itemOf(UNSPECIFIED) }))),
    },
    {
      name: 'an empty revision in bulk',
      answers: { bulk: (request) => ({ ...allowAll(request), checkedAt: { token: '' } }) },
    },
    {
      name: 'no revision in bulk',
      answers: { bulk: ({ items }) => ({ pairs: allowAll({ items, withTracing: false }).pairs }) },
    },
    {
      name: 'an unknown permissionship',
      checks: ONE,
      answers: { check: () => ({ permissionship: UNKNOWN_PERMISSIONSHIP, checkedAt: TOKEN }) },
    },
    {
      name: 'no permissionship',
      checks: ONE,
      answers: { check: () => ({ permissionship: UNSPECIFIED, checkedAt: TOKEN }) },
    },
    {
      name: 'an empty revision',
      checks: ONE,
      answers: { check: () => ({ permissionship: HAS_PERMISSION, checkedAt: { token: '' } }) },
    },
    { name: 'no revision', checks: ONE, answers: { check: () => ({ permissionship: HAS_PERMISSION }) } },
  ];

  test.each(hostile)('$name', async ({ answers, checks = TWO }) => {
    expect(await askFake(answers, checks)).toBeInstanceOf(UnavailableError);
  });

  test('an item that SpiceDB refused fails alone', async () => {
    const refused: Pair['response'] = {
      oneofKind: 'error',
      error: { code: status.INTERNAL, message: CANARY, details: [] },
    };
    const answers = bulkWith((pairs) =>
      pairs.map((pair, index) => (index === 0 ? { ...pair, response: refused } : pair)),
    );
    const answer = await askFake(answers, TWO);
    expect(answer).toMatchObject({ results: [{ kind: 'failed' }, { kind: 'held' }] });
    expect(answer).toMatchObject({ results: [{ error: { message: expect.not.stringContaining(CANARY) } }, {}] });
  });

  test('a write without a revision is not known to be written', async () => {
    await using fake = await startFakeSpiceDb({ write: () => ({ writtenAt: { token: '' } }) });
    using relationships = useRelationships(fake.options);
    await expect(relationships.touch(SAMPLE_RELATIONSHIPS, callContext())).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('an error of SpiceDB', () => {
  const mapped = [
    { code: status.DEADLINE_EXCEEDED, error: DeadlineExceededError },
    { code: status.RESOURCE_EXHAUSTED, error: OverloadedError },
    { code: status.UNAVAILABLE, error: UnavailableError },
    { code: status.CANCELLED, error: UnavailableError },
    { code: status.INTERNAL, error: UnavailableError },
    { code: status.UNKNOWN, error: UnavailableError },
    { code: status.FAILED_PRECONDITION, error: UnavailableError },
    { code: status.INVALID_ARGUMENT, error: UnavailableError },
    { code: status.UNAUTHENTICATED, error: UnavailableError },
    { code: status.PERMISSION_DENIED, error: UnavailableError },
    { code: status.NOT_FOUND, error: UnavailableError },
    { code: status.UNIMPLEMENTED, error: UnavailableError },
  ];

  test.each(mapped)('with code $code becomes $error.name and keeps its text to itself', async ({ code, error }) => {
    const refuse = (): never => {
      throw new StatusError(code, `${CANARY} fake-token`);
    };
    for (const checks of [ONE, TWO]) {
      const thrown = await askFake({ check: refuse, bulk: refuse }, checks);
      expect(thrown).toBeInstanceOf(error);
      if (!(thrown instanceof TaskgateError)) throw thrown;
      expect(thrown.message).not.toMatch(/canary|fake-token/);
      expect(thrown.cause).toMatchObject({ code });
    }
  });

  test('does not blame the token for what is wrong with anything else', async () => {
    const refuse = (): never => {
      throw new StatusError(status.INVALID_ARGUMENT, 'validation error: permission');
    };
    await using fake = await startFakeSpiceDb({ check: refuse });
    using relationships = useRelationships(fake.options);
    const check = relationships.check(ONE, { kind: 'at_least_as_fresh', token: 'x' }, callContext());
    await expect(check).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('a connection that breaks', () => {
  const flaky =
    <Message>(message: Message, failures: number) =>
    (_: unknown, attempt: number): Message => {
      if (attempt <= failures) throw new StatusError(status.UNAVAILABLE, 'connection recycled');
      return message;
    };

  test('is tried again for a check and for a write', async () => {
    await using fake = await startFakeSpiceDb({
      check: flaky({ permissionship: NO_PERMISSION, checkedAt: TOKEN }, 2),
      write: flaky({ writtenAt: TOKEN }, 2),
    });
    using relationships = useRelationships(fake.options);
    const { results } = await relationships.check(ONE, MINIMIZE_LATENCY, callContext());
    expect(results).toEqual([{ kind: 'denied' }]);
    expect(await relationships.touch(SAMPLE_RELATIONSHIPS, callContext())).toBe(TOKEN.token);
    expect(fake.authorizations).toEqual(Array.from({ length: 6 }, () => 'Bearer fake-token'));
  });

  test('is tried three times and no more', async () => {
    await using fake = await startFakeSpiceDb({
      check: flaky({ permissionship: HAS_PERMISSION, checkedAt: TOKEN }, 3),
    });
    using relationships = useRelationships(fake.options);
    const check = relationships.check(ONE, MINIMIZE_LATENCY, callContext());
    await expect(check).rejects.toBeInstanceOf(UnavailableError);
    expect(fake.authorizations).toHaveLength(3);
  });
});

describe('a check that has to end', () => {
  const HUNG: FakeAnswers = { check: async () => new Promise<never>(() => undefined) };

  test('ends at its deadline when the server accepts and never answers', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    using relationships = useRelationships({ endpoint: endpointOf(server.address()), timeoutMs: 5_000 });
    const startedAtMs = performance.now();
    const check = relationships.check(ONE, MINIMIZE_LATENCY, callContext({ timeoutMs: 100 }));
    await expect(check).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('ends at the limit of the client when the caller has more time', async () => {
    await using fake = await startFakeSpiceDb(HUNG);
    using relationships = useRelationships({ ...fake.options, timeoutMs: 100 });
    const startedAtMs = performance.now();
    const check = relationships.check(ONE, MINIMIZE_LATENCY, callContext({ timeoutMs: 60_000 }));
    await expect(check).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  test('is not sent when its deadline has passed', async () => {
    await using fake = await startFakeSpiceDb(HUNG);
    using relationships = useRelationships(fake.options);
    const check = relationships.check(ONE, MINIMIZE_LATENCY, callContext({ timeoutMs: 0 }));
    await expect(check).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(fake.authorizations).toEqual([]);
  });

  test('is unavailable at once when the port is closed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = endpointOf(server.address());
    server.close();
    await once(server, 'close');
    using relationships = useRelationships({ endpoint, timeoutMs: 5_000 });
    const startedAtMs = performance.now();
    await expect(relationships.check(ONE, MINIMIZE_LATENCY, callContext())).rejects.toBeInstanceOf(UnavailableError);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  test.each([new CancelledError(), new DeadlineExceededError()])(
    'is cancelled with $name by its signal',
    async (reason) => {
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      await using fake = await startFakeSpiceDb({
        check: async () => {
          onAsked();
          return new Promise<never>(() => undefined);
        },
      });
      // With more time than the test has, so that nothing but the signal can end it.
      using relationships = useRelationships({ ...fake.options, timeoutMs: 600_000 });
      const controller = new AbortController();
      const context = callContext({ signal: controller.signal, timeoutMs: 600_000 });
      const check = relationships.check(ONE, MINIMIZE_LATENCY, context);
      await asked;
      controller.abort(reason);
      await expect(check).rejects.toBe(reason);
      await fake.cancelled;
    },
  );

  test('is not sent when its signal has aborted', async () => {
    await using fake = await startFakeSpiceDb(HUNG);
    using relationships = useRelationships(fake.options);
    const reason = new CancelledError();
    const check = relationships.check(ONE, MINIMIZE_LATENCY, callContext({ signal: AbortSignal.abort(reason) }));
    await expect(check).rejects.toBe(reason);
    expect(fake.authorizations).toEqual([]);
  });

  test('is unavailable when the client has been closed', async () => {
    await using fake = await startFakeSpiceDb(HUNG);
    const relationships = useRelationships(fake.options);
    relationships[Symbol.dispose]();
    await expect(relationships.check(ONE, MINIMIZE_LATENCY, callContext())).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('a check that needs several bulks', () => {
  test('asks later ones for exactly the revision of the first', async () => {
    const requests: BulkRequest[] = [];
    await using fake = await startFakeSpiceDb({
      bulk: (request) => {
        requests.push(request);
        return { ...allowAll(request), checkedAt: { token: `revision-${requests.length}` } };
      },
      check: (request) => {
        requests.push({ ...request, items: [request] });
        return { permissionship: HAS_PERMISSION, checkedAt: { token: 'another revision' } };
      },
    });
    using relationships = useRelationships(fake.options);
    const checks = Array.from({ length: 10_001 }, (_, index) => taskCheck(`task-${index}`));
    const { results, checkedAt } = await relationships.check(checks, MINIMIZE_LATENCY, callContext());
    expect(results).toHaveLength(10_001);
    expect(checkedAt).toBe('revision-1');
    expect(requests.map(({ items }) => items.length).reduce((sum, length) => sum + length)).toBe(10_001);
    expect(Math.max(...requests.map(({ items }) => items.length))).toBeLessThan(10_000);
    const [first, ...later] = requests.map(({ consistency }) => consistency?.requirement.oneofKind);
    expect(first).toBe('minimizeLatency');
    expect(new Set(later)).toEqual(new Set(['atExactSnapshot']));
    const snapshots = requests.flatMap(({ consistency }) =>
      consistency?.requirement.oneofKind === 'atExactSnapshot' ? [consistency.requirement.atExactSnapshot.token] : [],
    );
    expect(new Set(snapshots)).toEqual(new Set(['revision-1']));
  });
});

test('a token that a header can not carry is refused without being repeated', () => {
  const create = (): unknown =>
    createSpiceDbClient({ clock: SYSTEM_CLOCK }, { endpoint: '127.0.0.1:1', token: `${CANARY}\n`, timeoutMs: 1 });
  expect(create).toThrow(/printable ASCII/);
  expect(create).not.toThrow(CANARY);
});

function endpointOf(address: string | AddressInfo | null): string {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}
