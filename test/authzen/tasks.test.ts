import { beforeAll, describe, expect, test } from 'vitest';
import { postHttp1 } from '../support/raw-http.ts';
import { useTaskgate } from '../support/taskgate.ts';
import { createClient } from './support.ts';

/*
 * The types that taskgate is configured with: operations, parents and accounts. The sample data is
 * `src/embedded/sample-data.ts`.
 */

const EVALUATION = '/access/v1/evaluation';
const EVALUATIONS = '/access/v1/evaluations';
const SUBJECTS = '/access/v1/search/subject';
const RESOURCES = '/access/v1/search/resource';
const ACTIONS = '/access/v1/search/action';

const gate = useTaskgate({
  yaml: `authzen:
  types: { identity: user, conversation: task }
  actions: { can_read: read, open: read }
  searched_actions: [open, update, launch]
`,
});
let client: ReturnType<typeof createClient>;
beforeAll(() => {
  client = createClient(gate());
});

function who(id: string, account: string | undefined = 'acme', type = 'user'): object {
  return { type, id, properties: { account } };
}

function what(type: string, id: string): object {
  return { type, id };
}

function act(name: string): object {
  return { name };
}

test.each([
  ['alice', 'read', 'message', 'msg-1', true],
  ['bob', 'update', 'message', 'msg-1', true],
  ['carol', 'read', 'message', 'msg-1', true],
  ['carol', 'update', 'message', 'msg-1', false],
  ['dave', 'read', 'message', 'msg-1', false],
  ['alice', 'read', 'message', 'msg-none', false],
  ['alice', 'delete', 'task', 'task-1', true],
  ['bob', 'delete', 'task', 'task-1', false],
  ['alice', 'read', 'event', 'event-1', true],
  ['alice', 'create', 'task', '*', true],
  ['dave', 'create', 'task', '*', true],
  ['alice', 'DELETE', 'task', 'task-1', true],
  ['alice', 'can_read', 'conversation', 'task-1', true],
  ['dave', 'can_read', 'conversation', 'task-1', false],
  ['alice', 'Read', 'task', 'task-1', false],
  ['alice', 'owner', 'task', 'task-1', false],
  ['alice', 'cancel', 'message', 'msg-1', false],
  ['alice', 'read', 'spaceship', 'task-1', false],
  ['alice', 'fly', 'task', 'task-1', false],
])('%s may %s the %s %s: %s', async (user, action, type, id, decision) => {
  expect(await client.decide(who(user), act(action), what(type, id))).toBe(decision);
});

test('types of subjects map to the kinds of principals, and others hold nothing', async () => {
  expect(await client.decide(who('alice', 'acme', 'identity'), act('read'), what('task', 'task-1'))).toBe(true);
  expect(await client.decide(who('alice', 'acme', 'agent'), act('read'), what('task', 'task-1'))).toBe(false);
  expect(await client.decide(who('alice', 'acme', 'task'), act('read'), what('task', 'task-1'))).toBe(false);
});

describe('the account', () => {
  const ask = async (subject: object) =>
    client.post(EVALUATION, { subject, action: act('read'), resource: what('task', 'task-1') });

  test('is the subject’s property: the owner in another account is denied', async () => {
    expect(await client.decide(who('alice', 'globex'), act('read'), what('task', 'task-1'))).toBe(false);
  });

  test.each<[string, object, string]>([
    ['not there', {}, 'subject.properties.account: must be set: the account that the subject acts in'],
    ['no string', { account: 7 }, 'subject.properties.account: must be a string'],
    ['empty', { account: '' }, 'subject.properties.account: must not be empty'],
  ])('that is %s is 400', async (_, properties, message) => {
    const answer = await ask({ type: 'user', id: 'alice', properties });
    expect([answer.status, answer.body]).toEqual([400, message]);
  });

  test('has no part in what is asked of the schema as it is', async () => {
    expect(await client.decide({ type: 'user', id: 'alice' }, act('read'), what('tenant', 'acme'))).toBe(false);
  });
});

test('everything hidden is answered with the same bytes', async () => {
  const hidden: readonly (readonly [object, string, object])[] = [
    [who('alice'), 'read', what('message', 'msg-none')],
    [who('alice'), 'read', what('task', 'task-none')],
    [who('dave'), 'read', what('message', 'msg-1')],
    [who('dave'), 'read', what('task', 'task-1')],
    [who('carol'), 'update', what('message', 'msg-1')],
    [who('carol'), 'delete', what('task', 'task-1')],
    [who('alice'), 'read', what('task', 'task-5')],
    [who('alice'), 'read', what('message', 'msg-9')],
    [who('alice', 'globex'), 'read', what('message', 'msg-1')],
    [who('alice'), 'read', what('message', 'msg-orphan')],
    [who('alice'), 'read', what('spaceship', 'task-1')],
    [who('alice'), 'owner', what('user', 'alice')],
  ];
  const send = async (path: string, body: object): Promise<unknown> => {
    const answer = await postHttp1(
      `http://${gate().addresses.http}${path}`,
      { 'content-type': 'application/json' },
      JSON.stringify(body),
    );
    const headers = answer.headers
      .filter((line) => !/^date:/i.test(line))
      .map((line) =>
        line.replace(/^(taskgate-decision-id: )(.*)$/i, (__, name: string, id: string) => `${name}${id.length}`),
      );
    return { headers, body: answer.body.toString() };
  };
  const single = await Promise.all(
    hidden.map(async ([subject, name, resource]) => send(EVALUATION, { subject, action: act(name), resource })),
  );
  expect(single.map((answer) => JSON.stringify(answer))).toEqual(hidden.map(() => JSON.stringify(single[0])));
  expect(single[0]).toMatchObject({ body: '{"decision":false}' });
  const subjects = await Promise.all(
    ['task-none', 'task-5', 'task-9'].map(async (id) =>
      send(SUBJECTS, {
        subject: { type: 'user', properties: { account: 'acme' } },
        action: act('read'),
        resource: what('task', id),
      }),
    ),
  );
  const children = await Promise.all(
    ['msg-none', 'msg-5', 'msg-9', 'msg-orphan'].map(async (id) =>
      send(SUBJECTS, {
        subject: { type: 'user', properties: { account: 'acme' } },
        action: act('read'),
        resource: what('message', id),
      }),
    ),
  );
  const empty = [...subjects, ...children].map((answer) => JSON.stringify(answer));
  expect(empty).toEqual(empty.map(() => empty[0]));
  expect(subjects[0]).toMatchObject({ body: '{"results":[],"page":{"next_token":"","count":0}}' });
});

describe('evaluations', () => {
  const items = {
    held: { resource: what('message', 'msg-1') },
    denied: { resource: what('message', 'msg-9') },
    absent: { resource: what('message', 'msg-none') },
    wrong: { resource: 'msg-1' },
    other: { subject: who('mallory', 'globex'), resource: what('task', 'task-9') },
  };
  const wrong = { decision: false, context: { error: { status: 400, message: 'resource: must be an object' } } };
  const [yes, no] = [{ decision: true }, { decision: false }];

  test.each<[string | undefined, readonly (keyof typeof items)[], readonly object[]]>([
    [undefined, ['held', 'denied', 'absent', 'wrong', 'other'], [yes, no, no, wrong, yes]],
    ['execute_all', ['denied', 'held', 'held'], [no, yes, yes]],
    ['deny_on_first_deny', ['held', 'other', 'denied', 'held'], [yes, yes, no]],
    ['deny_on_first_deny', ['held', 'wrong', 'held'], [yes, wrong]],
    ['deny_on_first_deny', ['held', 'held'], [yes, yes]],
    ['permit_on_first_permit', ['denied', 'wrong', 'other', 'held'], [no, wrong, yes]],
    ['permit_on_first_permit', ['denied', 'absent'], [no, no]],
    ['permit_on_first_permit', ['held', 'denied'], [yes]],
  ])('%s of %j', async (semantic, names, expected) => {
    const { status, body } = await client.post(EVALUATIONS, {
      subject: who('alice'),
      action: act('read'),
      evaluations: names.map((name) => items[name]),
      ...(semantic === undefined ? {} : { options: { evaluations_semantic: semantic, later: 1 } }),
    });
    expect([status, body]).toEqual([200, { evaluations: expected }]);
  });

  test('a default is replaced whole: properties of it are not mixed into an item', async () => {
    const { body } = await client.post(EVALUATIONS, {
      subject: who('bob'),
      action: act('read'),
      resource: what('task', 'task-1'),
      evaluations: [{}, { subject: { type: 'user', id: 'bob' } }],
    });
    expect(body.evaluations).toMatchObject([yes, { decision: false, context: { error: { status: 400 } } }]);
  });

  test.each<[string, object]>([
    ['an unknown semantic', { options: { evaluations_semantic: 'all' } }],
    ['a semantic that is no string', { options: { evaluations_semantic: 1 } }],
    ['options that are no object', { options: [] }],
    ['evaluations that are no list', { evaluations: {} }],
    ['evaluations that are null', { evaluations: null }],
    ['a default that is no object', { resource: 'task-1' }],
    ['more than 1,000', { evaluations: Array.from({ length: 1_001 }, () => items.held) }],
  ])('%s is 400', async (_, changed) => {
    const whole = { subject: who('alice'), action: act('read'), evaluations: [items.held], ...changed };
    expect((await client.post(EVALUATIONS, whole)).status).toBe(400);
  });

  test('1,000 items are decided, and identical ones alike', async () => {
    const evaluations = Array.from({ length: 1_000 }, (_, index) => ({
      resource: what('message', index % 2 === 0 ? 'msg-1' : `no-${index}`),
    }));
    const { status, body } = await client.post(EVALUATIONS, {
      subject: who('alice'),
      action: act('read'),
      evaluations,
    });
    expect(status).toBe(200);
    expect(body.evaluations).toEqual(evaluations.map((_, index) => ({ decision: index % 2 === 0 })));
  });
});

describe('searches', () => {
  const user = { type: 'user', properties: { account: 'acme' } };
  const ids = (names: readonly string[], type: string) => names.map((id) => ({ type, id }));

  test.each([
    ['task', 'task-1', 'read', ['alice', 'bob', 'carol']],
    ['message', 'msg-1', 'update', ['alice', 'bob']],
    ['message', 'msg-none', 'read', []],
    ['task', 'task-9', 'read', []],
  ])('the users who may do with %s %s: %s', async (type, id, name, expected) => {
    const { status, body } = await client.post(SUBJECTS, {
      subject: user,
      action: act(name),
      resource: what(type, id),
    });
    expect([status, body.results]).toEqual([200, ids(expected, 'user')]);
  });

  test('what everybody may do says so, since everybody can not be listed', async () => {
    const search = { subject: user, action: act('create'), resource: what('task', '*') };
    const { body } = await client.post(SUBJECTS, search);
    expect(body).toEqual({ results: [], page: { next_token: '', count: 0 }, context: { everyone: true } });
  });

  test.each([
    ['alice', 'conversation', 'read', ['task-1']],
    ['carol', 'task', 'update', []],
    ['dave', 'task', 'read', []],
    ['alice', 'task', 'create', []],
  ])('what %s of %s may be, to %s', async (id, type, name, expected) => {
    const { status, body } = await client.post(RESOURCES, { subject: who(id), action: act(name), resource: { type } });
    expect([status, body.results]).toEqual([200, ids(expected, type)]);
  });

  test('resources that hang off others can not be searched, and that is no empty list', async () => {
    const answer = await client.post(RESOURCES, {
      subject: who('alice'),
      action: act('read'),
      resource: { type: 'message' },
    });
    expect([answer.status, answer.body]).toEqual([400, 'resource.type: can not be searched: search its task']);
  });

  test.each([
    ['alice', 'task', 'task-1', ['cancel', 'delete', 'execute', 'open', 'read', 'share', 'update']],
    ['carol', 'task', 'task-1', ['open', 'read']],
    ['carol', 'message', 'msg-1', ['open', 'read']],
    ['dave', 'task', 'task-1', []],
    ['dave', 'message', 'msg-none', []],
    ['dave', 'task', '*', ['create']],
    ['alice', 'message', '*', []],
    ['alice', 'spaceship', 'x', []],
  ])('what %s may do with %s %s', async (id, type, resource, expected) => {
    const { status, body } = await client.post(ACTIONS, { subject: who(id), resource: what(type, resource) });
    expect([status, body.results]).toEqual([200, expected.map((name) => ({ name }))]);
  });
});
