import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { SPICEDB_ENGINES } from '../support/spicedb.ts';
import type { AuthzenAnswer, AuthzenPdp, Tie } from './support.ts';
import { startPdp } from './support.ts';

/*
 * The certification scenario of the working group (`certification/authorization-api-1_0-scenario.md` in openid/authzen),
 * section by section: its fixture, what it asks, and what it expects.
 */

const EVALUATION = '/access/v1/evaluation';
const EVALUATIONS = '/access/v1/evaluations';
const SUBJECTS = '/access/v1/search/subject';
const RESOURCES = '/access/v1/search/resource';
const ACTIONS = '/access/v1/search/action';
const BASE = 'https://pdp.example.com';

const STATUS = { 'record-1': 'active', 'record-2': 'archived' };

const TIES: readonly Tie[] = Object.entries(STATUS).flatMap(([id, status]): Tie[] => {
  const context = { status };
  return [
    { tie: ['record', id, 'reader', 'user', 'alice'] },
    { tie: ['record', id, 'reader', 'user', 'bob'] },
    { tie: ['record', id, 'writer', 'user', 'alice'], caveat: { name: 'active', context } },
    { tie: ['record', id, 'archivist', 'user', 'bob'], caveat: { name: 'archived', context } },
    { tie: ['record', id, 'administrator', 'user', '*'], caveat: { name: 'admin', context } },
    { tie: ['record', id, 'remover', 'user', 'alice'], caveat: { name: 'softly', context: {} } },
  ];
});

const alice = { type: 'user', id: 'alice' };
const bob = { type: 'user', id: 'bob' };
const bobAsAdmin = { ...bob, properties: { role: 'admin' } };
const read = { name: 'read' };
const write = { name: 'write' };
const record1 = { type: 'record', id: 'record-1' };
const record2 = { type: 'record', id: 'record-2' };
const active1 = { ...record1, properties: { status: 'active' } };
const archived2 = { ...record2, properties: { status: 'archived' } };

function softly(soft: boolean): object {
  return { name: 'delete', properties: { soft } };
}

describe.each(SPICEDB_ENGINES)('the certification scenario on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  let pdp: AuthzenPdp;
  beforeAll(async () => {
    engine = await start();
    pdp = await startPdp(engine, {
      schema: 'certification',
      ties: TIES,
      yaml: `authzen: { policy_decision_point: "${BASE}", searched_actions: [read, write, delete] }`,
    });
  });
  afterAll(async () => {
    await pdp[Symbol.asyncDispose]();
    await engine.close();
  });

  const post = async (path: string, body: unknown): Promise<AuthzenAnswer> => pdp.post(path, body);

  test.each([
    ['rule 1', alice, read, record1, true],
    ['rule 2', alice, write, record1, true],
    ['rule 3', bob, read, record1, true],
    ['rule 4', bob, write, record1, false],
    ['rule 5', alice, write, archived2, false],
    ['rule 5, whichever the record', alice, write, { ...record1, properties: { status: 'archived' } }, false],
    ['rule 6', bobAsAdmin, write, archived2, true],
    [
      'rule 6, whoever is an admin',
      { type: 'user', id: 'carol', properties: { role: 'admin' } },
      write,
      archived2,
      true,
    ],
    ['rule 7', alice, softly(true), record1, true],
    ['rule 8', alice, softly(false), record1, false],
  ])('basic: %s', async (_, subject, action, resource, decision) => {
    // Twice, and with a context, which changes nothing.
    for (const context of [undefined, undefined, { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' }]) {
      const answer = await post(EVALUATION, { subject, action, resource, context });
      expect([answer.status, answer.body]).toEqual([200, { decision }]);
      expect(answer.headers.get('content-type')).toBe('application/json');
    }
  });

  test('basic: properties that no policy asks for, and fields that are not known', async () => {
    const subject = { ...alice, properties: { department: 'Sales', role: 'manager' } };
    const action = { ...read, properties: { method: 'GET' } };
    const resource = { ...record1, properties: { status: 'active', owner: 'bob' } };
    expect(await pdp.decide(subject, action, resource)).toBe(true);
    const answer = await post(EVALUATION, {
      subject: { ...alice, nickname: 'al' },
      action: { ...read, since: 1 },
      resource: { ...record1, tags: [] },
      foo: 'bar',
      futureField: { nested: true },
    });
    expect([answer.status, answer.body]).toEqual([200, { decision: true }]);
  });

  test.each<[string, unknown]>([
    ['no subject', { action: read, resource: record1 }],
    ['no action', { subject: alice, resource: record1 }],
    ['no resource', { subject: alice, action: read }],
    ['a subject without a type', { subject: { id: 'alice' }, action: read, resource: record1 }],
    ['a subject without an id', { subject: { type: 'user' }, action: read, resource: record1 }],
    ['an action without a name', { subject: alice, action: {}, resource: record1 }],
    ['a resource without a type', { subject: alice, action: read, resource: { id: 'record-1' } }],
    ['a resource without an id', { subject: alice, action: read, resource: { type: 'record' } }],
    ['malformed JSON', '{"subject": {'],
    ['an empty body', ''],
    ['a subject that is a string', { subject: 'alice', action: read, resource: record1 }],
    ['a name that is a number', { subject: alice, action: { name: 123 }, resource: record1 }],
  ])('basic: %s is 400', async (_, body) => {
    for (const path of [EVALUATION, EVALUATIONS]) expect((await post(path, body)).status).toBe(400);
  });

  test('basic: another content type is 400', async () => {
    const body = { subject: alice, action: read, resource: record1 };
    for (const type of ['text/plain', 'application/xml', '']) {
      expect((await pdp.post(EVALUATION, body, { 'content-type': type })).status).toBe(400);
    }
  });

  test('basic: the request id comes back, and need not be there', async () => {
    const body = { subject: alice, action: read, resource: record1 };
    const id = 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716';
    for (const path of [EVALUATION, EVALUATIONS, SUBJECTS, RESOURCES, ACTIONS]) {
      const { status, headers } = await pdp.post(path, body, { 'X-Request-ID': id });
      expect([status, headers.get('x-request-id')]).toEqual([200, id]);
    }
    expect((await post(EVALUATION, body)).headers.has('x-request-id')).toBe(false);
  });

  test.each<[string, object, readonly boolean[]]>([
    [
      'one default for two',
      { subject: alice, action: read, evaluations: [{ resource: record1 }, { resource: record2 }] },
      [true, true],
    ],
    [
      'in order',
      { subject: bob, resource: record1, evaluations: [{ action: read }, { action: write }] },
      [true, false],
    ],
    [
      'properties of the resource',
      { subject: alice, action: write, evaluations: [{ resource: active1 }, { resource: archived2 }] },
      [true, false],
    ],
    [
      'properties of the subject',
      { action: write, resource: archived2, evaluations: [{ subject: alice }, { subject: bobAsAdmin }] },
      [false, true],
    ],
    [
      'no defaults',
      {
        evaluations: [
          { subject: alice, action: read, resource: record1 },
          { subject: bob, action: write, resource: record1 },
        ],
      },
      [true, false],
    ],
    [
      'a context, and another in its place',
      {
        subject: alice,
        action: read,
        context: { time: '2025-06-27T18:03-07:00' },
        evaluations: [
          { resource: record1 },
          { resource: record2, context: { time: '2025-06-27T19:00-07:00', source: 'batch-override' } },
        ],
      },
      [true, true],
    ],
  ])('batch: %s', async (_, request, decisions) => {
    const { status, body } = await post(EVALUATIONS, request);
    expect([status, body]).toEqual([200, { evaluations: decisions.map((decision) => ({ decision })) }]);
  });

  test('batch: an item that is wrong is denied, and the others are decided', async () => {
    const { status, body } = await post(EVALUATIONS, {
      subject: alice,
      action: read,
      evaluations: [{ resource: record1 }, {}],
    });
    expect(status).toBe(200);
    expect(body.evaluations).toEqual([
      { decision: true },
      { decision: false, context: { error: { status: 400, message: 'resource: must be set' } } },
    ]);
  });

  test('batch, advisory: a default is replaced whole, so what is missing in an item is not taken from it', async () => {
    const { status, body } = await post(EVALUATIONS, {
      subject: alice,
      action: write,
      resource: { type: 'record' },
      evaluations: [{ resource: { id: 'record-1', properties: { status: 'active' } } }, { resource: archived2 }],
    });
    expect([status, body.evaluations.map(({ decision }) => decision)]).toEqual([200, [false, false]]);
    expect(body.evaluations[0]?.context).toEqual({ error: { status: 400, message: 'resource.type: must be set' } });
  });

  test.each([{}, { evaluations: [] }])('batch: without evaluations it is a single one: %j', async (without) => {
    const { status, body } = await post(EVALUATIONS, { subject: alice, action: read, resource: record1, ...without });
    expect([status, body]).toEqual([200, { decision: true }]);
  });

  const user = { type: 'user' };
  const record = { type: 'record' };

  test.each<[string, string, object, readonly object[]]>([
    ['subjects', SUBJECTS, { subject: user, action: read, resource: record1 }, [alice, bob]],
    [
      'subjects with a context',
      SUBJECTS,
      { subject: user, action: read, resource: record1, context: { ip: '::1' } },
      [alice, bob],
    ],
    ['subjects whoever is named', SUBJECTS, { subject: alice, action: read, resource: record1 }, [alice, bob]],
    ['subjects by properties', SUBJECTS, { subject: user, action: write, resource: archived2 }, [bob]],
    ['resources', RESOURCES, { subject: alice, action: read, resource: record }, [record1, record2]],
    [
      'resources whichever is named',
      RESOURCES,
      { subject: alice, action: read, resource: record1 },
      [record1, record2],
    ],
    ['resources by properties', RESOURCES, { subject: bobAsAdmin, action: write, resource: record }, [record2]],
    ['actions', ACTIONS, { subject: alice, resource: record1 }, [{ name: 'read' }, { name: 'write' }]],
    [
      'actions with a context',
      ACTIONS,
      { subject: alice, resource: record1, context: {} },
      [{ name: 'read' }, { name: 'write' }],
    ],
    [
      'actions by properties',
      ACTIONS,
      { subject: bobAsAdmin, resource: archived2 },
      [{ name: 'read' }, { name: 'write' }],
    ],
    [
      'nothing for a subject that is not there',
      ACTIONS,
      { subject: { type: 'user', id: 'nobody' }, resource: record1 },
      [],
    ],
    [
      'nothing for a type of subject that is not there',
      SUBJECTS,
      { subject: { type: 'spaceship' }, action: read, resource: record1 },
      [],
    ],
    [
      'nothing for a type of resource that is not there',
      RESOURCES,
      { subject: alice, action: read, resource: { type: 'spaceship' } },
      [],
    ],
    [
      'nothing for an action that is not there',
      RESOURCES,
      { subject: alice, action: { name: 'launch' }, resource: record },
      [],
    ],
  ])('search: %s', async (_, path, request, results) => {
    const { status, body } = await post(path, request);
    expect([status, body.results]).toEqual([200, results]);
  });

  test('search: page by page', async () => {
    const search = { subject: user, action: read, resource: record1 };
    const first = await post(SUBJECTS, { ...search, page: { limit: 1 } });
    expect([first.status, first.body.results]).toEqual([200, [alice]]);
    const token = first.body.page.next_token;
    expect(token).not.toBe('');
    const second = await post(SUBJECTS, { ...search, page: { token } });
    expect([second.status, second.body.results, second.body.page.next_token]).toEqual([200, [bob], '']);
  });

  test.each<[string, string, object]>([
    ['subjects without an action', SUBJECTS, { subject: user, resource: record1 }],
    ['resources without a subject', RESOURCES, { action: read, resource: record }],
    ['actions without a resource', ACTIONS, { subject: alice }],
    ['subjects of a resource without an id', SUBJECTS, { subject: user, action: read, resource: record }],
    ['resources of a subject without an id', RESOURCES, { subject: user, action: read, resource: record }],
    ['actions of a subject without an id', ACTIONS, { subject: user, resource: record1 }],
  ])('search: %s is 400', async (_, path, request) => {
    expect((await post(path, request)).status).toBe(400);
  });

  test('discovery: every URL is the configured one, whatever the host is called', async () => {
    const { status, headers, body } = await pdp.get('/.well-known/authzen-configuration', {
      'x-forwarded-host': 'evil.example',
    });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(body).toEqual({
      policy_decision_point: BASE,
      access_evaluation_endpoint: `${BASE}${EVALUATION}`,
      access_evaluations_endpoint: `${BASE}${EVALUATIONS}`,
      search_subject_endpoint: `${BASE}${SUBJECTS}`,
      search_resource_endpoint: `${BASE}${RESOURCES}`,
      search_action_endpoint: `${BASE}${ACTIONS}`,
    });
  });
});
