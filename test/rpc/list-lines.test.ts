import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AGENTEX_SECRET, createAgentexClient, toApiKeysFile } from '../support/agentex.ts';
import { item, user } from '../support/check-requests.ts';
import { createTestDirectory } from '../support/files.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startTestTaskgate } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { filterReadableTasks, listReadableTasks } = AuthorizationService.method;
const opened = new AsyncDisposableStack();
let gate: TestTaskgate;
let client: TestClient;

beforeAll(async () => {
  const files = opened.use(await createTestDirectory());
  const yaml = `
telemetry: { decision_log: { sink: stdout } }
authzen: { enabled: true }
principals: { api_keys_file: ${await files.write('api-keys', toApiKeysFile())} }
agentex: { signing_keys: [{ id: a, secret: "${AGENTEX_SECRET}" }] }`;
  gate = opened.use(await startTestTaskgate({ yaml }));
  client = opened.use(createGrpcClient('gRPC', gate.addresses.grpc));
});
afterAll(async () => opened.disposeAsync());

/** The lines of one call, once there are any. */
async function linesOf(decisionId: string | undefined): Promise<readonly Record<string, unknown>[]> {
  return vi.waitFor(() => {
    const lines = gate.decisions
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ id }) => id === decisionId);
    expect(lines.length).toBeGreaterThan(0);
    return lines;
  });
}

const COMMON = {
  kind: 'list',
  caller: 'local',
  operation: 'read',
  decision: 'LISTED',
  reason: 'decided',
  latency_ms: expect.any(Number) as number,
  revision: expect.stringMatching(/./) as string,
};
const CAROL = { kind: 'user', id: 'carol', account: 'acme' };

it('writes one line for a filter, and nothing of what it hides', async () => {
  const resources = [
    item('message', 'msg-1').resource,
    item('task', 'task-9').resource,
    item('message', 'msg-hidden').resource,
  ];
  const { decisionId } = await client.call(filterReadableTasks, { principal: user('carol'), resources });
  const lines = await linesOf(decisionId);
  expect(lines).toEqual([
    expect.objectContaining({
      ...COMMON,
      method: 'filter',
      principal: CAROL,
      resource: { types: ['message', 'task'] },
      asked: 3,
      listed: 1,
    }),
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/msg-|task-/);
});

it('writes one line for a filter that is refused', async () => {
  const resources = [item('invoice', 'i-1').resource];
  const { decisionId } = await client.call(filterReadableTasks, { principal: user('carol'), resources });
  expect(await linesOf(decisionId)).toMatchObject([
    { resource: { type: 'unknown' }, decision: 'ERROR', reason: 'InvalidArgumentError', asked: 1 },
  ]);
});

it('writes one line for a list', async () => {
  const before = gate.decisions.length;
  const kinds: (string | undefined)[] = [];
  for await (const { event } of client.stream(listReadableTasks, { principal: user('carol') })) kinds.push(event.case);
  expect(kinds).toEqual(['page', 'complete']);
  const lines = await vi.waitFor(() => {
    expect(gate.decisions.length).toBeGreaterThan(before);
    return gate.decisions.slice(before).map((line) => JSON.parse(line) as unknown);
  });
  expect(lines).toEqual([
    expect.objectContaining({ ...COMMON, method: 'list', principal: CAROL, resource: { type: 'task' }, listed: 1 }),
  ]);
  expect(JSON.stringify(lines)).not.toContain('task-1');
});

it('writes one line for a search of AgentEx', async () => {
  const agentex = createAgentexClient(gate.addresses.http);
  const { headers } = await agentex.ask('carol', 'search', { filter_resource: 'task', filter_operation: 'read' });
  expect(await linesOf(String(headers['taskgate-decision-id']))).toEqual([
    expect.objectContaining({ ...COMMON, method: 'list', principal: CAROL, resource: { type: 'task' }, listed: 1 }),
  ]);
});

it.each([
  [
    'resource',
    { subject: { type: 'user', id: 'carol', properties: { account: 'acme' } }, resource: { type: 'task' } },
    { method: 'search_resources', principal: CAROL, listed: 1 },
  ],
  [
    'subject',
    {
      subject: { type: 'user', properties: { account: 'acme' } },
      resource: { type: 'task', id: 'task-1' },
    },
    { method: 'search_subjects', principal: { kind: 'user', account: 'acme' }, listed: 3 },
  ],
])('writes one line for a %s search of AuthZEN', async (what, entities, expected) => {
  const { status, headers, body } = await exchangeHttp1(`http://${gate.addresses.http}/access/v1/search/${what}`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...entities, action: { name: 'read' } }),
  });
  expect([status, body]).toEqual([200, expect.stringContaining('results')]);
  const lines = await linesOf(String(headers['taskgate-decision-id']));
  expect(lines).toEqual([expect.objectContaining({ ...COMMON, ...expected, resource: { type: 'task' } })]);
  expect(JSON.stringify(lines)).not.toContain('task-1');
});

it('writes one line for a search that is refused', async () => {
  const { headers } = await exchangeHttp1(`http://${gate.addresses.http}/access/v1/search/resource`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subject: { type: 'user', id: 'carol' },
      action: { name: 'read' },
      resource: { type: 'task' },
    }),
  });
  expect(await linesOf(String(headers['taskgate-decision-id']))).toMatchObject([
    { method: 'search_resources', decision: 'ERROR', reason: 'InvalidArgumentError', principal: { id: 'carol' } },
  ]);
});
