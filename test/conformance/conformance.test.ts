import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckTaskResponse } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { useTaskgate } from '../support/taskgate.ts';
import type { Outcome, TestClient } from '../support/transports.ts';
import { createAllClients, TRANSPORT_NAMES } from '../support/transports.ts';
import type { Case, Expected } from './cases.ts';
import { CASES } from './cases.ts';

const { checkTask } = AuthorizationService.method;
const gate = useTaskgate();
const socketGate = useTaskgate({ grpc: 'socket' });
const clients = new Map<string, TestClient>();

beforeAll(() => {
  const { grpc, http } = gate().addresses;
  for (const client of createAllClients({ grpc, http, socket: socketGate().addresses.grpc }))
    clients.set(client.name, client);
});
afterAll(async () => {
  await Promise.all([...clients.values()].map(async (client) => client[Symbol.asyncDispose]()));
});

function clientOf(transport: string): TestClient {
  const client = clients.get(transport);
  if (client === undefined) throw new Error(`no client for ${transport}`);
  return client;
}

/** JSON is decoded before the pipeline: where the decoder refuses a string, it names the field in its own words. */
const DECODER_PROBLEM = /^cannot decode field [\w.]+\.(\w+) from JSON/;

/** The part of an outcome that a case speaks of, and that must be the same over every transport. */
function summarize(outcome: Outcome<CheckTaskResponse>) {
  if (outcome.kind === 'error') {
    const undecodable = DECODER_PROBLEM.exec(outcome.message)?.[1];
    return { code: outcome.code, message: undecodable ?? outcome.message };
  }
  const { decision, taskId, checkedAt } = outcome.message;
  return { decision: Decision[decision], taskId, hasToken: checkedAt !== '' };
}

function toSummary(expected: Expected) {
  if ('code' in expected)
    return { code: expected.code, message: expect.stringMatching(toPattern(expected.field)) as string };
  const isAllowed = expected.decision === 'ALLOWED';
  return { decision: expected.decision, taskId: (isAllowed && expected.taskId) || '', hasToken: isAllowed };
}

/** A lone surrogate is refused by the JSON decoder, with the same code but in other words. */
function isDecodable({ request }: Case): boolean {
  return JSON.stringify(request).isWellFormed() && !JSON.stringify(request).includes('\\ud800');
}

/** The field's path, or what the JSON decoder called it. */
function toPattern(field: string): string {
  return `^(${field}: .+|${field.replace(/^.*\./, '')})$`;
}

it('has at least 120 cases, each with a name of its own', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(120);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

describe.each(TRANSPORT_NAMES)('CheckTask over %s', (transport) => {
  it.each(CASES)('$name', async ({ request, expected }) => {
    const outcome = await clientOf(transport).call(checkTask, request);
    expect(summarize(outcome)).toEqual(toSummary(expected));
    expect(outcome.decisionId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it('gives the same answers, messages included, over every transport', async () => {
  const answersOver = async (transport: string) => {
    const answers = [];
    for (const { request } of CASES.filter(isDecodable)) {
      answers.push(summarize(await clientOf(transport).call(checkTask, request)));
    }
    return answers;
  };
  const [first, ...others] = await Promise.all(TRANSPORT_NAMES.map(answersOver));
  for (const other of others) expect(other).toEqual(first);
});
