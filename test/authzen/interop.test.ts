import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { SPICEDB_ENGINES } from '../support/spicedb.ts';
import type { AuthzenPdp, Result, Tie } from './support.ts';
import { readVectors, startPdp } from './support.ts';

interface User {
  readonly id: string;
  readonly role: string;
  readonly department: string;
}

interface DataRecord {
  readonly id: number;
  readonly department: string;
  readonly owner: string;
}

interface Vector<Expected> {
  readonly request: object;
  readonly expected: Expected;
}

type Results = { readonly results: readonly Result[] };

const users = readVectors('users') as readonly User[];
const records = readVectors('records') as readonly DataRecord[];
const todo = readVectors('todo-decisions') as {
  readonly evaluation: readonly Vector<boolean>[];
  readonly evaluations: readonly Vector<readonly object[]>[];
};

const ACTIONS = ['view', 'edit', 'delete'];

/** The people of the todo application, by the id that the identity provider gives them. */
const PEOPLE = [
  { number: 0, email: 'rick@the-citadel.com', roles: ['admin', 'evil_genius'] },
  { number: 1, email: 'morty@the-citadel.com', roles: ['editor'] },
  { number: 2, email: 'summer@the-smiths.com', roles: ['editor'] },
  { number: 3, email: 'beth@the-smiths.com', roles: ['viewer'] },
  { number: 4, email: 'jerry@the-smiths.com', roles: ['viewer'] },
].map((person) => ({
  ...person,
  id: Buffer.from(`\n$fd${person.number}614d3-c39a-4781-b7bd-8b96f5a5100d\u0012\u0005local`).toString('base64'),
}));

function todoTies(): readonly Tie[] {
  const requests = [...todo.evaluation, ...todo.evaluations].map(({ request }) => JSON.stringify(request));
  const ids = new Set(
    requests.flatMap((text) => [...text.matchAll(/"type":"todo","id":"([^"]*)"/g)].map(([, id]) => id ?? '')),
  );
  return [
    ...[...ids].map((id): Tie => ({ tie: ['todo', id, 'list', 'list', 'all'] })),
    ...PEOPLE.flatMap(({ id, email, roles }): Tie[] => [
      { tie: ['user', email, 'reader', 'user', '*'] },
      { tie: ['list', 'all', 'own', 'user', id], caveat: { name: 'owns', context: { email } } },
      ...roles.map((role): Tie => ({ tie: ['list', 'all', role, 'user', id] })),
    ]),
  ];
}

function recordTies(): readonly Tie[] {
  return [
    ...users.flatMap(({ id, role, department }): Tie[] => [
      { tie: ['department', department, 'member', 'user', id] },
      ...(role === 'manager'
        ? [
            { tie: ['department', department, 'manager', 'user', id] } as const,
            { tie: ['organisation', 'all', 'manager', 'user', id] } as const,
          ]
        : []),
    ]),
    ...records.flatMap(({ id, owner, department }): Tie[] => [
      { tie: ['record', `${id}`, 'owner', 'user', owner] },
      { tie: ['record', `${id}`, 'department', 'department', department] },
      { tie: ['record', `${id}`, 'organisation', 'organisation', 'all'] },
    ]),
  ];
}

/** The policy of the records once more, in no words of SpiceDB's. */
function actionsOf(user: User, record: DataRecord): readonly string[] {
  const isOwner = record.owner === user.id;
  const isColleague = record.department === user.department;
  const isManager = user.role === 'manager';
  return ACTIONS.filter(
    (action) =>
      isOwner || (action === 'view' && (isColleague || isManager)) || (action === 'edit' && isColleague && isManager),
  );
}

function sorted(results: readonly Result[]): readonly string[] {
  return results.map(({ type, id, name }) => JSON.stringify({ type, id, name })).toSorted();
}

describe.each(SPICEDB_ENGINES)('the interop scenarios on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  describe('todo', () => {
    let pdp: AuthzenPdp;
    beforeAll(async () => {
      pdp = await startPdp(engine, { schema: 'todo', ties: todoTies() });
    });
    afterAll(async () => pdp[Symbol.asyncDispose]());

    test('has all vectors', () => {
      expect([todo.evaluation.length, todo.evaluations.length]).toEqual([40, 3]);
    });

    test.each(todo.evaluation.map((vector, index) => [index, vector] as const))('evaluation %d', async (_, vector) => {
      const { status, body } = await pdp.post('/access/v1/evaluation', vector.request);
      expect([status, body]).toEqual([200, { decision: vector.expected }]);
    });

    test.each(todo.evaluations.map((vector, index) => [index, vector] as const))(
      'evaluations %d',
      async (_, vector) => {
        const { status, body } = await pdp.post('/access/v1/evaluations', vector.request);
        expect([status, body]).toEqual([200, { evaluations: vector.expected }]);
      },
    );
  });

  describe('records', () => {
    let pdp: AuthzenPdp;
    beforeAll(async () => {
      pdp = await startPdp(engine, {
        schema: 'records',
        ties: recordTies(),
        yaml: `authzen: { searched_actions: [${ACTIONS.join(', ')}, publish] }`,
      });
    });
    afterAll(async () => pdp[Symbol.asyncDispose]());

    test.each(['subject', 'resource'])('search %s gives what every vector expects', async (kind) => {
      const { evaluation: vectors } = readVectors(`search-${kind}`) as { evaluation: readonly Vector<Results>[] };
      expect(vectors.length).toBe({ subject: 60, resource: 18 }[kind]);
      for (const { request, expected } of vectors) {
        const { status, body } = await pdp.post(`/access/v1/search/${kind}`, request);
        expect(status).toBe(200);
        expect(sorted(body.results), JSON.stringify(request)).toEqual(sorted(expected.results));
        expect(body.page.next_token).toBe('');
      }
    });

    test('action search gives what the policy says of each user and record', async () => {
      for (const user of users) {
        for (const record of records) {
          const request = { subject: { type: 'user', id: user.id }, resource: { type: 'record', id: `${record.id}` } };
          const { body } = await pdp.post('/access/v1/search/action', request);
          const expected = actionsOf(user, record).map((name) => ({ name }));
          expect(sorted(body.results), `${user.id} ${record.id}`).toEqual(sorted(expected));
        }
      }
    });

    test('the claims of the identity provider are what the policy says', async () => {
      for (const user of [...users, { id: 'mallory', role: 'manager', department: 'Sales' }]) {
        const subject = { type: 'user', id: user.id };
        const request = { subject, action: { name: 'delete' }, resource: { type: 'record' } };
        const { status, body } = await pdp.post('/access/v1/search/resource', request);
        const owned = records.filter(({ owner }) => owner === user.id);
        expect(status).toBe(200);
        expect(sorted(body.results)).toEqual(sorted(owned.map(({ id }) => ({ type: 'record', id: `${id}` }))));
      }
    });
  });

  test('gateway: everybody reads, and editors and admins write', async () => {
    const ROUTES = ['/users/{userId}', '/todos', '/todos/{todoId}'];
    await using pdp = await startPdp(engine, {
      schema: 'gateway',
      ties: [
        ...PEOPLE.flatMap(({ id, roles }) =>
          roles.map((role): Tie => ({ tie: ['role', role, 'member', 'identity', id] })),
        ),
        ...ROUTES.flatMap((route): Tie[] => [
          ...['viewer', 'editor', 'admin', 'evil_genius'].map((role): Tie => ({
            tie: ['route', route, 'reader', 'role', role],
          })),
          ...['editor', 'admin'].map((role): Tie => ({ tie: ['route', route, 'writer', 'role', role] })),
        ]),
      ],
    });
    const asked = [
      ['GET', '/users/{userId}'],
      ['GET', '/todos'],
      ['POST', '/todos'],
      ['PUT', '/todos/{todoId}'],
      ['DELETE', '/todos/{todoId}'],
    ] as const;
    const answers = await Promise.all(
      PEOPLE.map(async ({ id }) =>
        Promise.all(
          asked.map(async ([name, route]) =>
            pdp.decide({ type: 'identity', id }, { name }, { type: 'route', id: route }),
          ),
        ),
      ),
    );
    const all = [true, true, true, true, true];
    const reads = [true, true, false, false, false];
    expect(answers).toEqual([all, all, all, reads, reads]);
  });
});
