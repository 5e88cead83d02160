import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { SPICEDB_ENGINES } from '../support/spicedb.ts';
import type { AuthzenPdp, Result, Tie } from './support.ts';
import { startPdp, writeTies } from './support.ts';

const RESOURCES = '/access/v1/search/resource';
const SUBJECTS = '/access/v1/search/subject';
const ACTIONS = '/access/v1/search/action';

const reads = (record: string, user: string): Tie => ({ tie: ['record', record, 'reader', 'user', user] });
const IDS = ['a', 'b', 'c', 'd', 'e'];

let engine: SpiceDbEngine;
let pdp: AuthzenPdp;
beforeAll(async () => {
  const [first] = SPICEDB_ENGINES;
  if (first === undefined) throw new Error('no engine');
  engine = await first.start();
  pdp = await startPdp(engine, {
    schema: 'certification',
    ties: [...IDS.map((id) => reads(id, 'alice')), ...IDS.map((id) => reads('a', id))],
    yaml: `
authzen: { searched_actions: [read, READ, write], max_page_size: 4 }
lists: { cursor_secrets: [this-secret-is-of-the-tests-and-is-long-enough] }
`,
  });
});
afterAll(async () => {
  await pdp[Symbol.asyncDispose]();
  await engine.close();
});

const search = {
  subject: { type: 'user', id: 'alice', properties: { a: 1, b: [{ c: 'x', d: null }] } },
  action: { name: 'read' },
  resource: { type: 'record' },
  context: { time: 'now' },
};

async function tokenOf(path: string, request: object): Promise<string> {
  const { status, body } = await pdp.post(path, { ...request, page: { limit: 1 } });
  expect(status).toBe(200);
  expect(body.page.next_token).not.toBe('');
  return body.page.next_token;
}

const idsOf = ({ results }: { readonly results: readonly Result[] }) => results.map(({ id }) => id);

test('pages go on after the last result, with any limit', async () => {
  const token = await tokenOf(RESOURCES, search);
  for (const limit of [1, 2, 3, 4]) {
    const { body } = await pdp.post(RESOURCES, { ...search, page: { token, limit } });
    expect(idsOf(body)).toEqual(IDS.slice(1, 1 + limit));
    expect(body.page.next_token === '').toBe(limit === 4);
  }
});

test('a page holds at most what is configured, whatever is asked', async () => {
  for (const page of [undefined, {}, { limit: 1_000_000 }, { token: '' }]) {
    const { body } = await pdp.post(RESOURCES, { ...search, ...(page && { page }) });
    expect([body.results.length, body.page.count]).toEqual([4, 4]);
    expect(body.page.next_token).not.toBe('');
  }
});

test.each([0, -1, 1.5, '1', null, 1e300])('a limit of %j is 400', async (limit) => {
  expect((await pdp.post(RESOURCES, { ...search, page: { limit } })).status).toBe(400);
});

test.each<[string, object]>([
  ['another subject', { subject: { ...search.subject, id: 'bob' } }],
  ['another property', { subject: { ...search.subject, properties: { a: 2, b: [{ c: 'x', d: null }] } } }],
  ['a property more', { subject: { ...search.subject, properties: { ...search.subject.properties, c: 1 } } }],
  ['a property of the action', { action: { name: 'read', properties: { x: 1 } } }],
  ['another action', { action: { name: 'write' } }],
  ['another type', { resource: { type: 'user' } }],
  ['another context', { context: { time: 'later' } }],
  ['no context', { context: undefined }],
])('a token with %s is 400', async (_, changed) => {
  const token = await tokenOf(RESOURCES, search);
  const { status, body } = await pdp.post(RESOURCES, { ...search, ...changed, page: { token } });
  expect([status, body]).toEqual([400, 'page.token: is not one that this search gave: nothing else may be changed']);
});

test('a token is good for the same search in other words: another order, and what is ignored', async () => {
  const token = await tokenOf(RESOURCES, search);
  const { subject, action, context } = search;
  const same = {
    page: { token },
    later: true,
    context,
    resource: { id: 'ignored', type: 'record' },
    action,
    subject: { properties: { b: [{ d: null, c: 'x' }], a: 1 }, id: 'alice', type: subject.type },
  };
  expect((await pdp.post(RESOURCES, same)).status).toBe(200);
});

test('a token is good for its own kind of search, and for nothing when a bit of it is another', async () => {
  const whole = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'a' },
  };
  const token = await tokenOf(SUBJECTS, whole);
  for (const path of [RESOURCES, ACTIONS]) {
    expect((await pdp.post(path, { ...whole, page: { token } })).status).toBe(400);
  }
  const bytes = Buffer.from(token, 'base64url');
  const spoilt = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return flipped.toString('base64url');
  });
  for (const one of [
    ...spoilt,
    token.slice(1),
    token.slice(0, -1),
    `${token}=`,
    `${token}A`,
    'x',
    'A'.repeat(10_000),
  ]) {
    expect((await pdp.post(SUBJECTS, { ...whole, page: { token: one } })).status, one).toBe(400);
  }
  for (const one of [7, null, {}]) {
    expect((await pdp.post(SUBJECTS, { ...whole, page: { token: one } })).status).toBe(400);
  }
});

test('actions have pages too', async () => {
  const whole = { subject: { type: 'user', id: 'alice' }, resource: { type: 'record', id: 'a' } };
  const first = await pdp.post(ACTIONS, { ...whole, page: { limit: 1 } });
  expect(first.body.results).toEqual([{ name: 'READ' }]);
  const second = await pdp.post(ACTIONS, { ...whole, page: { token: first.body.page.next_token } });
  expect([second.body.results, second.body.page.next_token]).toEqual([[{ name: 'read' }], '']);
});

test('the pages of one search are of one revision', async () => {
  const subject = { type: 'user', id: 'zoe' };
  const whole = { ...search, subject };
  await writeTies(
    pdp.store,
    ['r1', 'r2', 'r3'].map((id) => reads(id, 'zoe')),
  );
  const token = await tokenOf(RESOURCES, whole);
  await writeTies(
    pdp.store,
    ['r2a', 'r4'].map((id) => reads(id, 'zoe')),
  );
  const { body } = await pdp.post(RESOURCES, { ...whole, page: { token } });
  expect([idsOf(body), body.page.next_token]).toEqual([['r2', 'r3'], '']);
  expect(idsOf((await pdp.post(RESOURCES, whole)).body)).toEqual(['r1', 'r2', 'r2a', 'r3']);
});
