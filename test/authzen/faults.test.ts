import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultyTaskgate, StoreName } from '../support/faulty-taskgate.ts';
import { startFaultyTaskgate } from '../support/faulty-taskgate.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { createClient } from './support.ts';

/* A store that fails: what could not be told is no decision, and no list. */

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores[Symbol.asyncDispose]());

const subject = { type: 'user', id: 'alice', properties: { account: 'acme' } };
const action = { name: 'read' };
const read = (type: string, id: string) => ({ subject, action, resource: { type, id } });
const many = (semantic: string, ...resources: object[]) => ({
  subject,
  action,
  evaluations: resources.map((resource) => ({ resource })),
  options: { evaluations_semantic: semantic },
});

const message = { type: 'message', id: 'msg-1' };
const task = { type: 'task', id: 'task-1' };
const nothing = { type: 'spaceship', id: 'x' };

const UNTOLD: readonly (readonly [StoreName, string, object])[] = [
  ['spicedb', 'evaluation', read('task', 'task-1')],
  ['spicedb', 'evaluation', read('tenant', 'acme')],
  ['spicedb', 'evaluations', many('execute_all', task, nothing)],
  ['spicedb', 'evaluations', many('deny_on_first_deny', task, nothing)],
  ['spicedb', 'search/subject', read('task', 'task-1')],
  ['spicedb', 'search/resource', read('task', 'task-1')],
  ['spicedb', 'search/action', read('task', 'task-1')],
  ['database', 'evaluation', read('message', 'msg-1')],
  ['database', 'evaluations', many('execute_all', nothing, message)],
  ['database', 'evaluations', many('permit_on_first_permit', nothing, message, task)],
  ['database', 'search/subject', read('message', 'msg-1')],
  ['database', 'search/action', read('message', 'msg-1')],
];

async function startWithout(down: StoreName, mode: 'refuse' | 'hang'): Promise<FaultyTaskgate> {
  return startFaultyTaskgate(stores, { down, mode });
}

test.each(UNTOLD)('without %s, %s is not answered', async (down, path, request) => {
  for (const mode of ['refuse', 'hang'] as const) {
    await using faulty = await startWithout(down, mode);
    const answer = await createClient(faulty.gate).post(`/access/v1/${path}`, request, { 'x-request-id': 'r1' });
    expect([503, 504]).toContain(answer.status);
    expect(answer.text).not.toMatch(/decision"|results/);
    expect(typeof answer.body).toBe('string');
    expect(answer.headers.get('x-request-id')).toBe('r1');
  }
});

test('what does not need the store that fails is answered: nor does what comes after the item that decides', async () => {
  await using faulty = await startWithout('database', 'refuse');
  const client = createClient(faulty.gate);
  const decided = [
    ['evaluation', read('task', 'task-1'), { decision: true }],
    [
      'evaluations',
      many('deny_on_first_deny', task, nothing, message),
      { evaluations: [{ decision: true }, { decision: false }] },
    ],
    ['evaluations', many('permit_on_first_permit', task, message), { evaluations: [{ decision: true }] }],
  ] as const;
  for (const [path, request, expected] of decided) {
    const { status, body } = await client.post(`/access/v1/${path}`, request);
    expect([status, body]).toEqual([200, expected]);
  }
});
