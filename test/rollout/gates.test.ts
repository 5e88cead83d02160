import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import {
  AuthorizationService,
  Decision,
  LegacyAnswer,
  Operation,
  Role,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask, item, user } from '../support/check-requests.ts';
import { readMetric } from '../support/metrics.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { RecordedTaskgate } from '../support/recorded-taskgate.ts';
import { startRecordedTaskgate } from '../support/recorded-taskgate.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { checkTask, batchCheckTask, filterReadableTasks, listReadableTasks } = AuthorizationService.method;
const { registerResource, deregisterResource, grantRole, revokeRole } = AuthorizationService.method;

/** acme is off, but for agents; globex is in shadow; whoever else there is is enforced. */
const YAML = `
rollout:
  accounts:
    acme: { enforcement: "off", dual_write: "off", types: { agent: { enforcement: enforce } } }
    globex: { enforcement: shadow }
  bypass: [{ kind: user, id: trusted }]
`;
const UNTOLD = { decision: Decision.ALLOWED, taskId: '', checkedAt: '' };

let stores: SampleStores;
let gate: RecordedTaskgate;
let client: TestClient;
beforeAll(async () => {
  stores = await startSampleStores();
  gate = await startRecordedTaskgate(stores, { redisUrl: inject('redisUrl'), yaml: YAML });
  client = createGrpcClient('gRPC', gate.addresses.grpc);
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

const metric = async (series: string): Promise<number> => readMetric(gate.addresses.admin, series);

const differences = async (type: string, kind: string): Promise<number> =>
  metric(`taskgate_rollout_differences_total{type="${type}",class="${kind}"}`);

async function readAll(request: object): Promise<unknown[]> {
  const events: unknown[] = [];
  const stream = client.stream(listReadableTasks, request);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return events;
    events.push((next.value as { event: { case: string } }).event.case);
  }
}

describe('an account that is off', () => {
  it.each([
    ['there and the principal’s', ask('alice', 'message', 'msg-1')],
    ['there and denied', ask('dave', 'message', 'msg-1')],
    ['absent', ask('dave', 'message', 'msg-none')],
    ['of another account', ask('dave', 'message', 'msg-9')],
    [
      'a free name',
      {
        principal: user('dave'),
        resource: { type: 'task', key: { case: 'name', value: 'free' } },
        operation: Operation.READ,
        createIfAbsent: true,
      },
    ],
    ['created', ask('dave', 'task', '*', Operation.CREATE)],
  ] as const)('is allowed what is %s, and no store is asked', async (_, request) => {
    gate.take();
    expect(await client.call(checkTask, request)).toMatchObject({ message: UNTOLD });
    expect(gate.take()).toEqual([]);
  });

  it('is answered as the legacy rule said', async () => {
    gate.take();
    const legacyAnswer = LegacyAnswer.DENIED;
    expect(await client.call(checkTask, { ...ask('alice', 'message', 'msg-1'), legacyAnswer })).toMatchObject({
      message: { decision: Decision.NOT_FOUND, taskId: '' },
    });
    expect(
      await client.call(checkTask, { ...ask('alice', 'task', '*', Operation.CREATE), legacyAnswer }),
    ).toMatchObject({
      message: { decision: Decision.FORBIDDEN },
    });
    expect(gate.take()).toEqual([]);
  });

  it('is refused what is wrong with a request, as in every account', async () => {
    for (const wrong of [ask('alice', 'nonsense', 'x'), ask('alice', 'message', 'x', Operation.CANCEL)]) {
      expect(await client.call(checkTask, wrong)).toMatchObject({ kind: 'error', code: 'INVALID_ARGUMENT' });
    }
    const unknown = { ...ask('alice', 'message', 'msg-1'), legacyAnswer: 9 as LegacyAnswer };
    expect(await client.call(checkTask, unknown)).toMatchObject({
      kind: 'error',
      code: 'INVALID_ARGUMENT',
      message: 'legacy_answer: is not a known answer',
    });
  });

  it('keeps the order of a batch in which types differ, and decides those that are enforced', async () => {
    const checks = [
      item('message', 'msg-none'),
      item('agent', 'agent-1'),
      { ...item('message', 'msg-1'), legacyAnswer: LegacyAnswer.DENIED },
      item('nonsense', 'x'),
      item('agent', 'agent-none'),
    ];
    const outcome = await client.call(batchCheckTask, { principal: user('dave'), checks });
    expect(outcome).toMatchObject({
      message: {
        results: [
          { outcome: { case: 'answer', value: UNTOLD } },
          { outcome: { case: 'answer', value: { decision: Decision.NOT_FOUND } } },
          { outcome: { case: 'answer', value: { decision: Decision.NOT_FOUND } } },
          { outcome: { case: 'error', value: { code: 3 } } },
          { outcome: { case: 'answer', value: { decision: Decision.NOT_FOUND } } },
        ],
      },
    });
  });

  it('keeps a list whole, and lists without a scope', async () => {
    gate.take();
    const resources = [item('message', 'msg-1').resource, item('message', 'msg-none').resource];
    expect(await client.call(filterReadableTasks, { principal: user('dave'), resources })).toMatchObject({
      message: { resources },
    });
    expect(await readAll({ principal: user('dave') })).toEqual(['unscoped', 'complete']);
    expect(gate.take()).toEqual([]);
  });

  it('writes nothing where dual-write is off, and says that it is done', async () => {
    const resource = item('schedule', 'schedule-off').resource;
    const role = { role: Role.VIEWER, subject: { subject: { case: 'userId', value: 'bob' } } } as const;
    const principal = user('alice');
    for (const outcome of [
      await client.call(registerResource, { principal, resource }),
      await client.call(grantRole, { principal, resource, ...role }),
      await client.call(revokeRole, { principal, resource, ...role }),
      await client.call(deregisterResource, { principal, resource }),
    ]) {
      expect(outcome).toMatchObject({ kind: 'message', message: { writtenAt: '' } });
    }
    expect(await metric('taskgate_rollout_writes_skipped_total{type="schedule",reason="dual_write_off"}')).toBe(4);
    const wrong = { principal, resource: item('message', 'msg-1').resource };
    expect(await client.call(registerResource, wrong)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('an account in shadow', () => {
  it.each([
    ['both_allow', 'mallory', LegacyAnswer.ALLOWED, Decision.ALLOWED],
    ['both_deny', 'eve', LegacyAnswer.DENIED, Decision.NOT_FOUND],
    ['legacy_allow_we_deny', 'eve', LegacyAnswer.UNSPECIFIED, Decision.ALLOWED],
    ['legacy_deny_we_allow', 'mallory', LegacyAnswer.DENIED, Decision.NOT_FOUND],
  ] as const)('is answered as before, and %s is counted', async (kind, who, legacyAnswer, decision) => {
    const before = await differences('message', kind);
    gate.take();
    const request = { principal: user(who, 'globex'), ...item('message', 'msg-9'), legacyAnswer };
    expect(await client.call(checkTask, request)).toMatchObject({ message: { decision, taskId: '', checkedAt: '' } });
    await vi.waitFor(async () => expect(await differences('message', kind)).toBe(before + 1));
  });

  it('answers at once while a store hangs, and says that it could not tell', async () => {
    const before = await differences('message', 'could_not_tell');
    gate.setDatabase('held');
    try {
      const request = { principal: user('eve', 'globex'), ...item('message', 'msg-held') };
      expect(await client.call(checkTask, request, { timeoutMs: 1_000 })).toMatchObject({ message: UNTOLD });
      await vi.waitFor(async () => expect(await differences('message', 'could_not_tell')).toBe(before + 1), 5_000);
    } finally {
      gate.setDatabase('ok');
    }
  });

  it('compares what is filtered and batched', async () => {
    const before = await differences('task', 'legacy_allow_we_deny');
    const resources = [item('task', 'task-9').resource, item('task', 'task-none').resource];
    expect(await client.call(filterReadableTasks, { principal: user('eve', 'globex'), resources })).toMatchObject({
      message: { resources },
    });
    await vi.waitFor(async () => expect(await differences('task', 'legacy_allow_we_deny')).toBe(before + 2));
  });

  it('creates below a parent that may not be used, and leaves the registration to be repaired', async () => {
    const parent = item('agent', 'agent-none').resource;
    const resource = item('task', 'task-shadow').resource;
    expect(await client.call(registerResource, { principal: user('eve', 'globex'), resource, parent })).toMatchObject({
      message: { writtenAt: '' },
    });
    expect(await metric('taskgate_rollout_writes_skipped_total{type="task",reason="refused"}')).toBe(1);
    const written = await client.call(registerResource, { principal: user('eve', 'globex'), resource });
    expect(written).toMatchObject({ message: { writtenAt: expect.stringMatching(/./) as string } });
  });
});

describe('an account that is enforced', () => {
  it('is decided, but for bypassed principals, whom nobody asks about', async () => {
    const denied = { principal: user('eve', 'other'), ...item('message', 'msg-9') };
    expect(await client.call(checkTask, denied)).toMatchObject({ message: { decision: Decision.NOT_FOUND } });
    gate.take();
    const trusted = { ...denied, principal: user('trusted', 'other') };
    expect(await client.call(checkTask, trusted)).toMatchObject({ message: UNTOLD });
    expect(await readAll({ principal: user('trusted', 'other') })).toEqual(['unscoped', 'complete']);
    expect(gate.take()).toEqual([]);
    expect(await metric('taskgate_rollout_answers_total{type="message",enforcement="enforce",by="bypassed"}')).toBe(1);
    const { body } = await exchangeHttp1(`http://${gate.addresses.admin}/metrics`, { method: 'GET' });
    expect(body).toContain('reason="bypassed"');
  });

  it('does not heed the legacy answer', async () => {
    const request = {
      principal: user('eve', 'other'),
      ...item('message', 'msg-9'),
      legacyAnswer: LegacyAnswer.ALLOWED,
    };
    expect(await client.call(checkTask, request)).toMatchObject({ message: { decision: Decision.NOT_FOUND } });
  });
});
