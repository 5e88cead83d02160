import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { Random } from '../support/random.ts';
import { createRandom } from '../support/random.ts';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { ACTORS, createTaskGraph } from '../support/task-graph.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startWithStores } from '../support/taskgate.ts';
import type { AuthzenAnswer, Result, Tie } from './support.ts';
import { createClient, startPdp } from './support.ts';

/* Whatever the graph: what a search finds is what evaluations allow, no more and no less, whatever the page. */

type Client = ReturnType<typeof createClient>;

const SEARCH = '/access/v1/search/';
const NO_DATABASE = 'postgres://nobody@127.0.0.1:1/none';

interface Entity {
  readonly type: string;
  readonly id: string;
  readonly properties?: object;
}

async function evaluate(client: Client, tuples: readonly object[]): Promise<readonly boolean[]> {
  const decisions: boolean[] = [];
  for (let at = 0; at < tuples.length; at += 1_000) {
    const { status, body } = await client.post('/access/v1/evaluations', { evaluations: tuples.slice(at, at + 1_000) });
    expect(status).toBe(200);
    decisions.push(...body.evaluations.map(({ decision }) => decision));
  }
  return decisions;
}

/** All pages of a search, each of `limit` results. */
async function searchAll(client: Client, kind: string, search: object, limit: number): Promise<readonly Result[]> {
  const results: Result[] = [];
  let token: string | undefined;
  do {
    const page: Record<string, unknown> = { limit, ...(token === undefined ? {} : { token }) };
    const { status, body }: AuthzenAnswer = await client.post(`${SEARCH}${kind}`, { ...search, page });
    expect(status).toBe(200);
    expect(body.page.count).toBe(body.results.length);
    expect(body.results.length).toBeLessThanOrEqual(limit);
    results.push(...body.results);
    token = body.page.next_token;
  } while (token !== '');
  return results;
}

const keyOf = ({ type, id, name }: Result): string => JSON.stringify([type, id, name]);

/** Asks all four ways, and compares. */
async function expectAgreement(
  client: Client,
  random: Random,
  {
    subjects,
    resources,
    actions,
  }: {
    readonly subjects: readonly Entity[];
    readonly resources: readonly Entity[];
    readonly actions: readonly string[];
  },
): Promise<number> {
  const tuples = subjects.flatMap((subject) =>
    resources.flatMap((resource) => actions.map((name) => ({ subject, action: { name }, resource }))),
  );
  const decisions = await evaluate(client, tuples);
  const allowed = tuples.filter((_, index) => decisions[index]);
  const limit = (): number => 1 + random.below(8);
  const expectFound = async (kind: string, search: object, expected: readonly Result[]): Promise<void> => {
    const found = (await searchAll(client, kind, search, limit())).map(keyOf);
    expect(new Set(found).size, `${kind} gives each once`).toBe(found.length);
    expect(found.toSorted(), `${kind} ${JSON.stringify(search)}`).toEqual(expected.map(keyOf).toSorted());
  };
  for (const subject of subjects) {
    for (const name of actions) {
      const held = allowed.filter((tuple) => tuple.subject === subject && tuple.action.name === name);
      const { type } = resources[0] ?? { type: '' };
      const search = { subject, action: { name }, resource: { type, id: 'whatever' } };
      await expectFound(
        'resource',
        search,
        held.map(({ resource }) => ({ type: resource.type, id: resource.id })),
      );
    }
  }
  for (const resource of resources) {
    for (const subject of new Map(subjects.map((one) => [JSON.stringify([one.type, one.properties]), one])).values()) {
      const name = random.pick(actions);
      const held = allowed.filter(
        (tuple) =>
          tuple.resource === resource &&
          tuple.action.name === name &&
          tuple.subject.type === subject.type &&
          JSON.stringify(tuple.subject.properties) === JSON.stringify(subject.properties),
      );
      const search = { subject: { type: subject.type, properties: subject.properties }, action: { name }, resource };
      await expectFound(
        'subject',
        search,
        held.map((tuple) => ({ type: tuple.subject.type, id: tuple.subject.id })),
      );
    }
    const subject = random.pick(subjects);
    const held = allowed.filter((tuple) => tuple.resource === resource && tuple.subject === subject);
    await expectFound(
      'action',
      { subject, resource },
      held.map(({ action }) => ({ name: action.name })),
    );
  }
  return allowed.length;
}

/** Users and groups that hold roles on documents in folders, some of them on a condition. */
function createDocuments(
  random: Random,
  size: number,
): { readonly ties: readonly Tie[]; readonly users: readonly string[]; readonly documents: readonly string[] } {
  const users = Array.from({ length: 6 }, (_, index) => `${random.pick(['u', 'U', 'ü@', 'u*', 'u='])}${index}`);
  const groups = ['group-1', 'group-2'];
  const folders = ['folder-1', 'folder/2', 'folder 3'];
  const documents = Array.from(
    { length: size },
    (_, index) => `${random.pick(['d', 'D', 'dökument ', 'd/', 'd|'])}${index}`,
  );
  const levels = ['1', '2', '3'];
  const role = (type: string, id: string): Tie[] =>
    Array.from({ length: random.below(3) }, (): Tie => {
      const conditions = [
        { name: 'at_least', context: { level: random.pick(levels) } },
        { name: 'cleared', context: {} },
      ];
      const relation = random.pick(['reader', 'writer', 'blocked']);
      return {
        tie: [type, id, relation, 'user', random.pick(users)],
        ...(random.chance(0.5) ? { caveat: random.pick(conditions) } : {}),
      };
    });
  return {
    users,
    documents,
    ties: [
      ...groups.flatMap((group) =>
        users.filter(() => random.chance(0.4)).map((user): Tie => ({ tie: ['group', group, 'member', 'user', user] })),
      ),
      ...folders.flatMap((folder): Tie[] => [
        ...role('folder', folder),
        { tie: ['folder', folder, 'readers', 'group', random.pick(groups)] },
      ]),
      ...documents.flatMap((document): Tie[] => [
        ...role('document', document),
        { tie: ['document', document, 'folder', 'folder', random.pick(folders)] },
      ]),
    ],
  };
}

describe.each(SPICEDB_ENGINES)('searches on $name agree with evaluations', { timeout: 120_000 }, ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  test.each([1, 2])('of any schema: graph %d', async (seed) => {
    const random = createRandom(seed);
    const { ties, users, documents } = createDocuments(random, 12);
    const actions = ['read', 'write', 'remove'];
    await using pdp = await startPdp(engine, {
      schema: 'documents',
      ties,
      yaml: `authzen: { searched_actions: [${actions.join(', ')}, nothing] }`,
    });
    const allowed = await expectAgreement(pdp, random, {
      // The level decides what is conditional; without one it is not held.
      subjects: users.flatMap((id) => [
        { type: 'user', id },
        ...['1', '2'].map((level) => ({ type: 'user', id, properties: { level } })),
      ]),
      resources: documents.map((id) => ({ type: 'document', id })),
      actions,
    });
    expect(allowed).toBeGreaterThan(20);
  });

  test.each([4])('of tasks: graph %d', async (seed) => {
    const random = createRandom(seed);
    const graph = createTaskGraph(random, 20);
    await using opened = new AsyncDisposableStack();
    const store = opened.use(await engine.openStore(loadSchema()));
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    opened.defer(() => chain.close());
    await chain.writer.touch(graph.relationships, callContext());
    const gate: TestTaskgate = opened.use(await startWithStores({ spiceDb: store.options, databaseUrl: NO_DATABASE }));
    const allowed = await expectAgreement(createClient(gate), random, {
      subjects: ACTORS.map(({ kind: type, id, account }) => ({ type, id, properties: { account } })),
      resources: graph.ids.map((id) => ({ type: 'task', id })),
      actions: ['read', 'update', 'delete', 'cancel', 'share', 'execute'],
    });
    expect(allowed).toBeGreaterThan(20);
  });
});
