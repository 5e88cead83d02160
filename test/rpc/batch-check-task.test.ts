import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { createConnectTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BatchCheckTaskItemSchema,
  BatchCheckTaskResult,
  CheckTaskResponse,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import {
  AuthorizationService,
  BatchCheckTaskResponseSchema,
  BatchCheckTaskResultSchema,
  Decision,
  Operation,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { CASES } from '../conformance/cases.ts';
import type { CheckRequest, PrincipalInit } from '../support/check-requests.ts';
import { item, user } from '../support/check-requests.ts';
import { useTaskgate } from '../support/taskgate.ts';
import type { Outcome, TestClient } from '../support/transports.ts';
import { createConnectClient, createGrpcClient } from '../support/transports.ts';

type ItemInit = MessageInitShape<typeof BatchCheckTaskItemSchema>;

const { batchCheckTask, checkTask } = AuthorizationService.method;
const gate = useTaskgate();
const TRANSPORTS = ['gRPC', 'Connect JSON'] as const;
const clients = new Map<string, TestClient>();

beforeAll(() => {
  const { grpc, http } = gate().addresses;
  const json = createConnectTransport({ baseUrl: `http://${http}`, httpVersion: '1.1', useBinaryFormat: false });
  clients.set('gRPC', createGrpcClient('gRPC', grpc));
  clients.set('Connect JSON', createConnectClient('Connect JSON', json));
});
afterAll(async () => {
  await Promise.all([...clients.values()].map(async (client) => client[Symbol.asyncDispose]()));
});

function clientOf(transport: string): TestClient {
  const client = clients.get(transport);
  if (client === undefined) throw new Error(`no client for ${transport}`);
  return client;
}

async function batch(
  transport: string,
  principal: PrincipalInit,
  checks: readonly ItemInit[],
): Promise<BatchCheckTaskResult[]> {
  const outcome = await clientOf(transport).call(batchCheckTask, { principal, checks: [...checks] });
  if (outcome.kind === 'error') throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome.message.results;
}

/** What an answer or an error says, but for the revision. */
function summarize({ outcome }: BatchCheckTaskResult) {
  if (outcome.case === 'answer') return summarizeAnswer(outcome.value);
  return { code: outcome.value?.code, message: outcome.value?.message };
}

function summarizeAnswer({ decision, taskId, checkedAt }: CheckTaskResponse) {
  return { decision: Decision[decision], taskId, hasToken: checkedAt !== '' };
}

function summarizeCall(outcome: Outcome<CheckTaskResponse>) {
  return outcome.kind === 'message'
    ? summarizeAnswer(outcome.message)
    : { code: CODES[outcome.code], message: outcome.message };
}

const CODES: Readonly<Record<string, number>> = { INVALID_ARGUMENT: 3 };
const ALLOWED_TASK_1 = { decision: 'ALLOWED', taskId: 'task-1', hasToken: true };
const NOT_FOUND = { decision: 'NOT_FOUND', taskId: '', hasToken: false };
const invalid = (field: string) => ({ code: 3, message: expect.stringMatching(`^${field}: `) as string });

/** Each item and its own outcome, for alice. */
const MIXED: readonly [string, ItemInit, object][] = [
  ['an allowed task', item('task', 'task-1'), ALLOWED_TASK_1],
  ['no resource', { operation: Operation.READ }, invalid('resource')],
  ['a denied task', item('task', 'task-9'), NOT_FOUND],
  ['an unknown type', item('spaceship', 'x'), invalid('resource.type')],
  ['an allowed message', item('message', 'msg-1', Operation.UPDATE), ALLOWED_TASK_1],
  ['an absent message', item('message', 'no-such-message'), NOT_FOUND],
  ['no operation', item('task', 'task-1', Operation.UNSPECIFIED), invalid('operation')],
  ['an operation that is not mapped', item('checkpoint', 'task-1', Operation.EXECUTE), invalid('operation')],
  ['an empty id', item('task', ''), invalid('resource.id')],
  ['a fully consistent operation', item('task', 'task-1', Operation.DELETE), ALLOWED_TASK_1],
  ['"*" of what is read', item('task', '*'), invalid('resource.id')],
  [
    'a forged token',
    { ...item('task', 'task-1'), consistency: { requirement: { case: 'atLeastAsFresh', value: 'Zm9yZ2Vk' } } },
    invalid('consistency.at_least_as_fresh'),
  ],
  ['an allowed event', item('event', 'event-1'), { decision: 'ALLOWED', taskId: '', hasToken: true }],
  ['the first item again', item('task', 'task-1'), ALLOWED_TASK_1],
];

describe.each(TRANSPORTS)('BatchCheckTask over %s', (transport) => {
  it('answers every item in its place, and keeps the error of an item to that item', async () => {
    const results = await batch(
      transport,
      user('alice'),
      MIXED.map(([, check]) => check),
    );
    const seen = MIXED.map(([name], index) => [name, summarizeAt(results, index)]);
    expect(seen).toEqual(MIXED.map(([name, , expected]) => [name, expected]));
    expect(results).toHaveLength(MIXED.length);
  });

  it('answers in the reversed order what is asked in the reversed order', async () => {
    const reversed = MIXED.toReversed();
    const results = await batch(
      transport,
      user('alice'),
      reversed.map(([, check]) => check),
    );
    expect(results.map(summarize)).toEqual(reversed.map(([, , expected]) => expected));
  });

  it('decides 1,000 items in one call', async () => {
    const checks = Array.from({ length: 1_000 }, (_, index) =>
      item('message', index % 3 === 0 ? 'msg-1' : `msg-none-${index}`),
    );
    const results = await batch(transport, user('alice'), checks);
    expect(results.map(summarize)).toEqual(checks.map((_, index) => (index % 3 === 0 ? ALLOWED_TASK_1 : NOT_FOUND)));
  });

  it.each([
    ['no check', user('alice'), [], /^checks: must not be empty/],
    [
      '1,001 checks',
      user('alice'),
      Array.from({ length: 1_001 }, () => item('task', 'task-1')),
      /^checks: must be at most 1000/,
    ],
    ['no principal', undefined, [item('task', 'task-1')], /^principal: /],
    ['a principal without a subject', { accountId: 'acme' }, [item('task', 'task-1')], /^principal: /],
    ['a principal with an empty id', user(''), [item('task', 'task-1')], /^principal\.user_id: /],
    ['a principal that is every user', user('*'), [item('task', 'task-1')], /^principal\.user_id: /],
    ['a principal without an account', user('alice', ''), [item('task', 'task-1')], /^principal\.account_id: /],
  ])('refuses a call with %s whole', async (_, principal, checks, message) => {
    const request = { checks, ...(principal === undefined ? {} : { principal }) };
    const outcome = await clientOf(transport).call(batchCheckTask, request);
    expect(outcome).toMatchObject({
      kind: 'error',
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message) as string,
      decisionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  });

  it('gives every conformance case the decision and the message that CheckTask gives it', async () => {
    const cases = CASES.filter(({ request, expected }) => hasValidPrincipal(request, expected) && isDecodable(request));
    expect(cases.length).toBeGreaterThan(CASES.length / 2);
    for (const group of Map.groupBy(cases, ({ request }) => JSON.stringify(request.principal)).values()) {
      const [first] = group;
      if (first?.request.principal === undefined) throw new Error('a group without a principal');
      const [results, single] = await Promise.all([
        batch(
          transport,
          first.request.principal,
          group.map(({ request }) => toItem(request)),
        ),
        Promise.all(group.map(async ({ request }) => clientOf(transport).call(checkTask, request))),
      ]);
      const seen = group.map(({ name }, index) => [name, summarizeAt(results, index)]);
      expect(seen).toEqual(
        group.map(({ name }, index) => [name, single.slice(index, index + 1).map(summarizeCall)[0]]),
      );
    }
  });

  it('encodes denied, absent, unregistered and foreign items to the same bytes', async () => {
    const hidden = ['msg-none', 'msg-5', 'msg-9', 'msg-orphan'].map((id) => item('message', id));
    const denied = [item('task', 'task-9'), item('task', 'task-none'), item('task', 'task-9', Operation.DELETE)];
    const results = await batch(transport, user('alice'), [...hidden, ...denied]);
    const others = await batch(transport, user('dave'), [item('message', 'msg-1'), item('task', 'task-1')]);
    const bytes = [...results, ...others].map((result) => hex(result));
    expect(new Set(bytes).size).toBe(1);
    const [allowed] = await batch(transport, user('alice'), [item('message', 'msg-1')]);
    expect(allowed === undefined ? '' : hex(allowed)).not.toBe(bytes[0]);
  });
});

it('encodes whole answers about hidden items to the same bytes', async () => {
  const ask = async (userId: string, id: string) => {
    const results = await batch('gRPC', user(userId), [item('message', id), item('message', id, Operation.UPDATE)]);
    return Buffer.from(
      toBinary(BatchCheckTaskResponseSchema, create(BatchCheckTaskResponseSchema, { results })),
    ).toString('hex');
  };
  expect(await ask('dave', 'msg-1')).toBe(await ask('dave', 'msg-none'));
});

function summarizeAt(results: readonly BatchCheckTaskResult[], index: number) {
  return results.slice(index, index + 1).map(summarize)[0];
}

function hex(result: BatchCheckTaskResult): string {
  return Buffer.from(toBinary(BatchCheckTaskResultSchema, result)).toString('hex');
}

function toItem({ resource, operation, consistency, createIfAbsent, parent }: CheckRequest): ItemInit {
  return {
    ...(resource === undefined ? {} : { resource }),
    ...(operation === undefined ? {} : { operation }),
    ...(consistency === undefined ? {} : { consistency }),
    ...(createIfAbsent === undefined ? {} : { createIfAbsent }),
    ...(parent === undefined ? {} : { parent }),
  };
}

function hasValidPrincipal({ principal }: CheckRequest, expected: (typeof CASES)[number]['expected']): boolean {
  return principal !== undefined && !('code' in expected && expected.field.startsWith('principal'));
}

/** Not a lone surrogate, which JSON decoders refuse in their own words. */
function isDecodable(request: CheckRequest): boolean {
  return !JSON.stringify(request).includes('\\ud800');
}
