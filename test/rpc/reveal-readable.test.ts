import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask, item, user } from '../support/check-requests.ts';
import { useTaskgate } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { checkTask, batchCheckTask } = AuthorizationService.method;
const gate = useTaskgate({ yaml: 'denials: { reveal_readable: true }' });
let client: TestClient;
beforeAll(() => {
  client = createGrpcClient('gRPC', gate().addresses.grpc);
});
afterAll(async () => client[Symbol.asyncDispose]());

const { READ, CREATE, UPDATE, DELETE, EXECUTE, CANCEL } = Operation;

/** Carol views task-1, bob edits it, alice owns it, dave has no role. */
const ROWS: readonly [string, string, string, Operation, keyof typeof Decision][] = [
  ['carol', 'task', 'task-1', READ, 'ALLOWED'],
  ['carol', 'task', 'task-1', UPDATE, 'FORBIDDEN'],
  ['carol', 'task', 'task-1', DELETE, 'FORBIDDEN'],
  ['carol', 'task', 'task-1', EXECUTE, 'FORBIDDEN'],
  ['carol', 'task', 'task-1', CANCEL, 'FORBIDDEN'],
  ['carol', 'message', 'msg-1', READ, 'ALLOWED'],
  ['carol', 'message', 'msg-1', CREATE, 'FORBIDDEN'],
  ['carol', 'message', 'msg-1', UPDATE, 'FORBIDDEN'],
  ['carol', 'checkpoint', 'task-1', DELETE, 'FORBIDDEN'],
  // An event is read on its agent, which carol may not read, and created on its task, which says nothing of the event.
  ['carol', 'event', 'event-1', READ, 'NOT_FOUND'],
  ['carol', 'event', 'event-1', CREATE, 'NOT_FOUND'],
  ['bob', 'task', 'task-1', UPDATE, 'ALLOWED'],
  ['bob', 'task', 'task-1', DELETE, 'FORBIDDEN'],
  ['alice', 'task', 'task-1', DELETE, 'ALLOWED'],
  ['dave', 'task', 'task-1', READ, 'NOT_FOUND'],
  ['dave', 'task', 'task-1', UPDATE, 'NOT_FOUND'],
  ['dave', 'message', 'msg-1', UPDATE, 'NOT_FOUND'],
  ['carol', 'task', 'task-9', UPDATE, 'NOT_FOUND'],
  ['carol', 'message', 'msg-9', UPDATE, 'NOT_FOUND'],
  ['carol', 'task', 'task-5', UPDATE, 'NOT_FOUND'],
  ['carol', 'message', 'msg-orphan', UPDATE, 'NOT_FOUND'],
  ['carol', 'task', 'task-none', UPDATE, 'NOT_FOUND'],
  ['carol', 'message', 'msg-none', UPDATE, 'NOT_FOUND'],
];

describe('with denials.reveal_readable', () => {
  it.each(ROWS)(
    '%s of %s %s, operation %s, is answered as in the table',
    async (who, type, id, operation, expected) => {
      expect(await client.call(checkTask, ask(who, type, id, operation))).toMatchObject({
        kind: 'message',
        message: { decision: Decision[expected], ...(expected === 'ALLOWED' ? {} : { taskId: '', checkedAt: '' }) },
      });
    },
  );

  it.each([...new Set(ROWS.map(([who]) => who))])('answers %s in a batch as one by one', async (who) => {
    const rows = ROWS.filter(([asked]) => asked === who);
    const checks = rows.map(([, type, id, operation]) => item(type, id, operation));
    const outcome = await client.call(batchCheckTask, { principal: user(who), checks });
    const decisions =
      outcome.kind === 'message'
        ? outcome.message.results.map(({ outcome: { case: kind, value } }) =>
            kind === 'answer' ? Decision[value.decision] : kind,
          )
        : outcome.message;
    expect(decisions).toEqual(rows.map(([, , , , expected]) => expected));
  });
});
