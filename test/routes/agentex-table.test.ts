import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { planCheck } from '../../src/authorize/plan-check.ts';
import { createFindRoute } from '../../src/routes/find-route.ts';
import { parseRouteTable } from '../../src/routes/parse-route-table.ts';
import { expectProblems, expectValid, load } from '../config/support.ts';
import type { AskedRequest } from './support.ts';
import { summarize, toRequest, TYPES } from './support.ts';

const FILE = readFileSync(new URL('../../deploy/routes/agentex.yaml', import.meta.url), 'utf8');

const { gateway } = expectValid(
  load({ yaml: 'gateway: { routes_file: agentex.yaml }', files: { 'agentex.yaml': FILE } }),
);
const findRoute = createFindRoute(gateway.routes);

const json = (value: unknown): AskedRequest => ({ body: JSON.stringify(value) });
const rpc = (method: string, params: unknown = {}) => json({ jsonrpc: '2.0', id: 1, method, params });

/** Every endpoint of the API, as a client asks for it → what is decided. */
const REQUESTS: readonly [line: string, expected: string, asked?: AskedRequest][] = [
  ['GET /healthz', 'public'],
  ['GET /readyz', 'public'],
  ['GET /healthcheck', 'public'],
  ['GET /openapi.json', 'none'],
  ['GET /swagger', 'none'],
  ['OPTIONS /tasks', 'none'],
  ['GET /tasks?agent_id=a&limit=10', 'authenticated'],
  ['GET /tasks/t', 'task t read'],
  ['GET /tasks/t?relationships=agents', 'task t read'],
  ['PUT /tasks/t', 'task t update', json({ task_metadata: {} })],
  ['DELETE /tasks/t', 'task t delete'],
  ['GET /tasks/name/n', 'task name:n read'],
  ['PUT /tasks/name/n', 'task name:n update'],
  ['DELETE /tasks/name/n', 'task name:n delete'],
  ['GET /tasks/t/stream', 'task t read'],
  ['GET /tasks/name/n/stream', 'task name:n read'],
  ['GET /tasks/name/stream', 'task name:stream read'],
  ['GET /tasks/name/export', 'task name:export read'],
  ['GET /tasks/name/query/stream', 'task name:query read'],
  ['GET /tasks/t/query/state', 'task t read'],
  ['POST /tasks/t/complete', 'task t update'],
  ['POST /tasks/t/fail', 'task t update'],
  ['POST /tasks/t/cancel', 'task t cancel'],
  ['POST /tasks/t/terminate', 'task t cancel'],
  ['POST /tasks/t/timeout', 'task t update'],
  ['GET /tasks/t/export', 'task t read'],
  ['POST /tasks/t/export', 'task t read'],
  ['POST /tasks/t/clean', 'task t delete'],
  ['POST /tasks/t/rehydrate', 'task t update'],
  ['POST /tasks', 'none'],
  ['GET /messages?task_id=t&limit=50', 'task t read'],
  ['GET /messages', 'malformed'],
  ['GET /messages/paginated?task_id=t&cursor=c', 'task t read'],
  ['POST /messages', 'message * create in t', json({ task_id: 't', content: { type: 'text' } })],
  ['POST /messages', 'malformed'],
  ['POST /messages/batch', 'message * create in t', json({ task_id: 't', contents: [] })],
  ['PUT /messages/batch', 'task t update', json({ task_id: 't', updates: {} })],
  ['GET /messages/m', 'message m read'],
  ['PUT /messages/m', 'message m update'],
  ['DELETE /messages/m', 'none'],
  ['GET /states?task_id=t', 'task t read'],
  ['GET /states?agent_id=a', 'malformed'],
  ['POST /states', 'state * create in t', json({ task_id: 't', agent_id: 'a', state: {} })],
  ['GET /states/s', 'state s read'],
  ['PUT /states/s', 'state s update'],
  ['DELETE /states/s', 'state s delete'],
  ['GET /events?task_id=t&agent_id=a', 'task t read and agent a read'],
  ['GET /events?task_id=t', 'malformed'],
  ['GET /events/e', 'event e read'],
  ['GET /tracker?task_id=t', 'task t read'],
  ['GET /tracker/x', 'tracker x read'],
  ['PUT /tracker/x', 'tracker x update'],
  ['POST /checkpoints/get-tuple', 'checkpoint t read', json({ thread_id: 't' })],
  ['POST /checkpoints/list', 'checkpoint t read', json({ thread_id: 't' })],
  ['POST /checkpoints/put', 'checkpoint t update', json({ thread_id: 't', checkpoint: {} })],
  ['POST /checkpoints/put-writes', 'checkpoint t update', json({ thread_id: 't', writes: [] })],
  ['POST /checkpoints/delete-thread', 'checkpoint t delete', json({ thread_id: 't' })],
  ['POST /spans', 'authenticated', json({ trace_id: 't' })],
  ['GET /spans?trace_id=t', 'authenticated'],
  ['GET /spans/s', 'authenticated'],
  ['PATCH /spans/s', 'authenticated'],
  ['GET /agents', 'authenticated'],
  ['GET /agents/a', 'agent a read'],
  ['DELETE /agents/a', 'agent a delete'],
  ['GET /agents/name/n', 'agent name:n read'],
  ['DELETE /agents/name/n', 'agent name:n delete'],
  ['POST /agents/register', 'agent name:n update or create', json({ name: 'n', acp_url: 'http://a', agent_id: null })],
  ['POST /agents/register', 'agent name:n update or create and agent a update', json({ name: 'n', agent_id: 'a' })],
  ['POST /agents/register-build', 'agent name:n update or create', json({ name: 'n' })],
  ['GET /agents/forward/name/n/any/path', 'public'],
  ['POST /agents/forward/name/n/hook', 'public'],
  ['POST /agents/forward/name/n/../../../../tasks/t/clean', 'none'],
  ['DELETE /agents/forward/name/n/hook', 'none'],
  ['POST /agents/a/rpc', 'task * create and agent a execute', rpc('task/create')],
  ['POST /agents/a/rpc', 'task name:n update or create and agent a execute', rpc('task/create', { name: 'n' })],
  ['POST /agents/a/rpc', 'task t update and agent a execute', rpc('message/send', { task_id: 't', content: {} })],
  ['POST /agents/a/rpc', 'task name:n update or create and agent a execute', rpc('message/send', { task_name: 'n' })],
  ['POST /agents/a/rpc', 'task * create and agent a execute', rpc('message/send', { content: {} })],
  ['POST /agents/a/rpc', 'task t update and agent a execute', rpc('event/send', { task_id: 't' })],
  ['POST /agents/a/rpc', 'task name:n update and agent a execute', rpc('event/send', { task_name: 'n' })],
  ['POST /agents/a/rpc', 'malformed', rpc('event/send')],
  ['POST /agents/a/rpc', 'task t update and agent a execute', rpc('task/interrupt', { task_id: 't' })],
  ['POST /agents/a/rpc', 'task t cancel and agent a execute', rpc('task/cancel', { task_id: 't' })],
  ['POST /agents/a/rpc', 'malformed', rpc('task/cancel', { task_id: 't', task_name: 'n' })],
  ['POST /agents/a/rpc', 'malformed', rpc('task/delete', { task_id: 't' })],
  ['POST /agents/name/n/rpc', 'task t cancel and agent name:n execute', rpc('task/cancel', { task_id: 't' })],
  ['POST /agents/a/deployments/d/rpc', 'task t update and agent a execute', rpc('event/send', { task_id: 't' })],
  ['GET /agents/a/deployments', 'agent a read'],
  ['POST /agents/a/deployments', 'agent a execute'],
  ['GET /agents/a/deployments/d', 'agent a read'],
  ['DELETE /agents/a/deployments/d', 'agent a delete'],
  ['POST /agents/a/deployments/d/promote', 'agent a execute'],
  ['POST /agents/a/deployments/d/rollback', 'agent a execute'],
  ['GET /agents/name/deployments', 'agent name:deployments read'],
  ['GET /agents/name/schedules', 'agent name:schedules read'],
  ['GET /deployment-history?agent_id=a', 'agent a read'],
  ['GET /deployment-history?agent_name=n', 'agent name:n read'],
  ['GET /deployment-history', 'malformed'],
  ['GET /deployment-history/d', 'authenticated'],
  ['GET /agents/a/schedules', 'agent a read'],
  ['POST /agents/a/schedules', 'agent a update'],
  ['GET /agents/a/schedules/s', 'schedule a/s read'],
  ['PATCH /agents/a/schedules/s', 'schedule a/s update'],
  ['DELETE /agents/a/schedules/s', 'schedule a/s delete'],
  ['POST /agents/a/schedules/s/pause', 'schedule a/s update'],
  ['POST /agents/a/schedules/s/unpause', 'schedule a/s update'],
  ['POST /agents/a/schedules/s/resume', 'schedule a/s update'],
  ['POST /agents/a/schedules/s/trigger', 'schedule a/s execute'],
  ['GET /agents/a/schedules/name/n', 'agent a read'],
  ['PATCH /agents/a/schedules/name/n', 'agent a update'],
  ['DELETE /agents/a/schedules/name/n', 'agent a update'],
  ['POST /agents/a/schedules/name/n/pause', 'agent a update'],
  ['POST /agents/a/schedules/name/n/resume', 'agent a update'],
  ['POST /agents/a/schedules/name/n/trigger', 'agent a update'],
  ['GET /agent_api_keys?agent_id=a', 'agent a read'],
  ['GET /agent_api_keys?agent_name=n', 'agent name:n read'],
  ['POST /agent_api_keys', 'api_key * create and agent a update', json({ agent_id: 'a', name: 'k' })],
  ['POST /agent_api_keys', 'api_key * create and agent name:n update', json({ agent_name: 'n', name: 'k' })],
  ['POST /agent_api_keys', 'malformed', json({ agent_id: 'a', agent_name: 'n', name: 'k' })],
  ['GET /agent_api_keys/k', 'api_key k read'],
  ['DELETE /agent_api_keys/k', 'api_key k delete'],
  ['GET /agent_api_keys/name/k?agent_id=a', 'agent a read'],
  ['DELETE /agent_api_keys/name/k?agent_name=n', 'agent name:n update'],
];

test.each(REQUESTS)('%s is %s', (line, expected, asked = {}) => {
  const match = findRoute(toRequest(line, asked));
  expect(summarize(match)).toBe(expected);
  if (match.kind !== 'check') return;
  for (const check of [match.check, ...(match.also ?? [])]) {
    expect(() => planCheck(check, { types: TYPES, consistencyByOperation: new Map() })).not.toThrow();
  }
});

test('has a request for every route', () => {
  const asked = new Set(
    REQUESTS.map(([line, , body]) => findRoute(toRequest(line, body))).map((match) =>
      match.kind === 'none' ? '' : match.route.split(' ').slice(0, 2).join(' '),
    ),
  );
  expect(
    gateway.routes.map(({ methods, path }) => `${methods.join(',')} ${path}`).filter((name) => !asked.has(name)),
  ).toEqual([]);
});

test('is what it is by the routes that tell overlapping ones apart', () => {
  const overlapping = gateway.routes.filter(({ path }) => !/^\/(?:tasks|agents)\/name\/[a-z]/.test(path));
  expect(overlapping.length).toBe(gateway.routes.length - 5);
  const lines = FILE.split('\n').filter((line) => !/match: "GET \/(?:tasks|agents)\/name\/[a-z]/.test(line));
  const problems = expectProblems(
    load({ yaml: 'gateway: { routes_file: agentex.yaml }', files: { 'agentex.yaml': lines.join('\n') } }),
  );
  expect(problems).toHaveLength(5);
  for (const problem of problems)
    expect(problem).toMatch(/is ambiguous with GET .*: add a route for GET \/(?:tasks|agents)\/name\//);
});

test('the example of the documentation is a table', () => {
  const readme = readFileSync(new URL('../../deploy/routes/README.md', import.meta.url), 'utf8');
  const [, example = ''] = Array.from(readme.matchAll(/^```yaml\n([^]*?)^```/gm), ([, yaml = '']) => yaml);
  const { routes } = expectValid(
    load({ yaml: 'gateway: { routes_file: example.yaml }', files: { 'example.yaml': example } }),
  ).gateway;
  expect(routes).toHaveLength(7);
});

test('says what is missing where a type is', () => {
  const yaml = 'gateway: { routes_file: agentex.yaml }\ntypes: { schedule: null, checkpoint: null }';
  const problems = expectProblems(load({ yaml, files: { 'agentex.yaml': FILE } }));
  expect(problems).toContainEqual(
    expect.stringMatching(/^gateway\.routes_file: routes\[\d+\]\.check\.type: is not a configured type$/),
  );
  expect(parseRouteTable([], TYPES).kind).toBe('invalid');
});
