import { describe, expect, it } from 'vitest';
import { AdminService, Verdict_Outcome as Outcome } from '../../src/gen/taskgate/admin/v1/admin_pb.js';
import { AuthorizationService, Decision, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { callAdmin } from '../support/admin-client.ts';
import type { CheckRequest } from '../support/check-requests.ts';
import { ask, item, user } from '../support/check-requests.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { startTestTaskgate, useTaskgate } from '../support/taskgate.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';

const gate = useTaskgate();
const { explainDecision, recentDecisions, getState } = AdminService.method;

async function explain(request: CheckRequest, { addresses }: TestTaskgate = gate()) {
  const { message, body } = await callAdmin(addresses.admin, explainDecision, {
    subject: { case: 'question', value: request },
  });
  if (message === undefined) throw new Error(body);
  return message;
}

async function replay(decisionId: string, index = 0) {
  return callAdmin(gate().addresses.admin, explainDecision, {
    subject: { case: 'decision', value: { decisionId, index } },
  });
}

async function check(request: CheckRequest, { addresses }: TestTaskgate = gate()) {
  await using client = createGrpcClient('gRPC', addresses.grpc);
  const answer = await client.call(AuthorizationService.method.checkTask, request);
  const decision = answer.kind === 'message' ? answer.message.decision : undefined;
  return { decision, decisionId: answer.decisionId ?? '', answer };
}

const OUTCOME_OF: Readonly<Record<number, Outcome>> = {
  [Decision.ALLOWED]: Outcome.ALLOWED,
  [Decision.NOT_FOUND]: Outcome.NOT_FOUND,
  [Decision.FORBIDDEN]: Outcome.FORBIDDEN,
};

describe('an explanation', () => {
  it('shows the grants that allow, and where the parent came from', async () => {
    const { verdict, parents, checks, object, plan } = await explain(ask('alice', 'message', 'msg-1'));
    expect(verdict).toMatchObject({ outcome: Outcome.ALLOWED, reason: 'held' });
    expect(verdict?.why).toBe(
      'user:alice holds read on task:task-1, by task:task-1#owner@user:alice and tenant:acme#member@user:alice[same_account]',
    );
    expect(parents.map(({ layer }) => layer)).toEqual(['memory', 'redis', 'database']);
    expect(parents.at(-1)).toMatchObject({ parentId: 'task-1', detail: 'the row in messages with id = "msg-1"' });
    expect([object?.type, object?.id, plan?.permission]).toEqual(['task', 'task-1', 'read']);
    expect(checks[0]?.trace).toMatchObject({ objectType: 'task', objectId: 'task-1', name: 'read', decides: true });
  });

  it('says openly what is absent, and what is only denied', async () => {
    expect((await explain(ask('dave', 'message', 'no-such-msg'))).verdict?.why).toBe(
      'message:no-such-msg is absent: no row in messages with id = "no-such-msg"',
    );
    expect((await explain(ask('dave', 'message', 'msg-1'))).verdict?.why).toBe(
      'user:dave does not hold read on task:task-1, the parent of message:msg-1: it has none of task:task-1#editor, ' +
        'task:task-1#owner, task:task-1#viewer; what is written of task:task-1 is tenant tenant:acme, editor user:bob, ' +
        'owner user:alice, parent agent:agent-1, viewer user:carol',
    );
  });

  it('shows the caveat that denies another account, and no role beside it', async () => {
    const request = { principal: user('alice', 'globex'), ...item('message', 'msg-1') };
    const { verdict, checks } = await explain(request);
    expect(verdict?.why).toBe(
      'user:alice does not hold read on task:task-1, the parent of message:msg-1: the caveat same_account ' +
        '(account == tenant_account) is false for account = "globex", tenant_account = "acme"; task:task-1 is of the ' +
        'account acme, and the principal acts in globex; what is written of task:task-1 is tenant tenant:acme, ' +
        'owner user:alice, editor user:bob, parent agent:agent-1, viewer user:carol',
    );
    expect(checks[0]?.trace?.children.find(({ name }) => name === 'member')?.caveat?.context).toEqual({
      account: 'globex',
      tenant_account: 'acme',
    });
  });

  it('says of which account a resource is where the role is missing, too', async () => {
    expect((await explain(ask('alice', 'message', 'msg-9'))).verdict?.why).toMatch(
      /; task:task-9 is of the account globex, and the principal acts in acme; what is written of task:task-9 is /,
    );
  });

  it('says that a row is not registered', async () => {
    expect((await explain(ask('alice', 'message', 'msg-5'))).verdict?.why).toBe(
      'user:alice does not hold read on task:task-5, the parent of message:msg-5: nothing is written of task:task-5: ' +
        'it is not registered, so nobody holds anything on it (taskgate reconcile --apply registers it if it has a row)',
    );
  });

  it('says that the gate of an account is not open', async () => {
    const request = { principal: user('alice', 'initech'), ...item('task', '*', Operation.CREATE) };
    expect((await explain(request)).verdict?.why).toBe(
      'user:alice does not hold create_task on tenant:initech: it has none of tenant:initech#member; the gate of the ' +
        'account initech is not open to it (taskgate add-account opens it)',
    );
  });

  it('of a role that was taken shows who has one, and the decision from before shows that it was held', async () => {
    await using client = createGrpcClient('gRPC', gate().addresses.grpc);
    const { registerResource, grantRole, revokeRole } = AuthorizationService.method;
    const resource = { type: 'task', key: { case: 'id', value: 'task-revoked' } } as const;
    const share = {
      principal: user('alice'),
      resource,
      role: Role.VIEWER,
      subject: { subject: { case: 'userId', value: 'erin' } },
    } as const;
    await client.call(registerResource, { principal: user('alice'), resource });
    await client.call(grantRole, share);
    const before = await check(ask('erin', 'task', 'task-revoked'));
    await client.call(revokeRole, share);
    expect((await explain(ask('erin', 'task', 'task-revoked'))).verdict?.why).toBe(
      'user:erin does not hold read on task:task-revoked: it has none of task:task-revoked#editor, ' +
        'task:task-revoked#owner, task:task-revoked#viewer; what is written of task:task-revoked is tenant tenant:acme, ' +
        'owner user:alice',
    );
    const { message } = await replay(before.decisionId);
    expect(message?.verdict).toMatchObject({ outcome: Outcome.ALLOWED, reason: 'held' });
  });

  it('of a wish to create is about the tenant', async () => {
    const { object, verdict } = await explain(ask('alice', 'task', '*', Operation.CREATE));
    expect([object?.type, object?.id, verdict?.outcome]).toEqual(['tenant', 'acme', Outcome.ALLOWED]);
  });

  it('comes to what a check decides, whoever asks for whatever', async () => {
    await using client = createGrpcClient('gRPC', gate().addresses.grpc);
    const resources = [
      ['message', 'msg-1'],
      ['message', 'msg-5'],
      ['message', 'msg-orphan'],
      ['message', 'none'],
      ['checkpoint', 'task-1'],
      ['task', 'task-1'],
      ['event', 'event-1'],
    ] as const;
    const operations = [Operation.READ, Operation.UPDATE, Operation.DELETE];
    let allowed = 0;
    for (const who of ['alice', 'carol', 'dave', 'mallory']) {
      for (const [type, id] of resources) {
        for (const operation of operations) {
          const request = ask(who, type, id, operation);
          const answer = await client.call(AuthorizationService.method.checkTask, request);
          const explained = await callAdmin(gate().addresses.admin, explainDecision, {
            subject: { case: 'question', value: request },
          });
          if (answer.kind === 'error') {
            expect([who, type, id, JSON.parse(explained.body)]).toEqual([
              who,
              type,
              id,
              expect.objectContaining({ code: answer.code.toLowerCase() }),
            ]);
            continue;
          }
          if (answer.message.decision === Decision.ALLOWED) allowed += 1;
          const outcome = explained.message?.verdict?.outcome;
          expect([who, type, id, operation, outcome]).toEqual([
            who,
            type,
            id,
            operation,
            OUTCOME_OF[answer.message.decision],
          ]);
        }
      }
    }
    expect(allowed).toBeGreaterThan(5);
  });

  it('leaves no trace: no decision, no entry, no count', async () => {
    const { admin } = gate().addresses;
    const figures = async () => {
      const state = await callAdmin(admin, getState, {});
      const recent = await callAdmin(admin, recentDecisions, {});
      const { body } = await exchangeHttp1(`http://${admin}/metrics`, { method: 'GET' });
      const counted = body.split('\n').filter((line) => /^taskgate_(?:decisions|parent_lookups)_total/.test(line));
      return [state.message?.caches, recent.message?.latest, counted];
    };
    await check(ask('bob', 'state', 'state-1'));
    const before = await figures();
    for (let round = 0; round < 3; round += 1) {
      await explain(ask('bob', 'state', 'state-1'));
      await explain(ask('bob', 'state', 'never-there'));
    }
    expect(await figures()).toEqual(before);
    await check(ask('bob', 'state', 'state-1'));
    expect(await figures()).not.toEqual(before);
  });

  it('names the caches that know it', async () => {
    await check(ask('carol', 'message', 'msg-1'));
    const { parents, checks } = await explain(ask('carol', 'message', 'msg-1'));
    expect(parents[0]).toMatchObject({ layer: 'memory', parentId: 'task-1', used: true });
    expect(checks[0]?.cached).toMatchObject({ checkedAt: expect.stringMatching(/./) });
  });

  it('refuses what has no rule, as a check does', async () => {
    const { status, body } = await callAdmin(gate().addresses.admin, explainDecision, {
      subject: { case: 'question', value: ask('alice', 'spaceship', 'x') },
    });
    expect([status, JSON.parse(body)]).toEqual([
      400,
      { code: 'invalid_argument', message: 'resource.type: is not a configured type' },
    ]);
  });
});

describe('a decision that was made', () => {
  it('is replayed at its revision, whatever was written since', async () => {
    await using client = createGrpcClient('gRPC', gate().addresses.grpc);
    const role = {
      principal: user('alice'),
      resource: item('task', 'task-1').resource,
      role: Role.VIEWER,
      subject: { subject: { case: 'userId' as const, value: 'erin' } },
    };
    await client.call(AuthorizationService.method.grantRole, role);
    const before = await check(ask('erin', 'message', 'msg-1'));
    expect(before.decision).toBe(Decision.ALLOWED);
    await client.call(AuthorizationService.method.revokeRole, role);
    expect((await check(ask('erin', 'message', 'msg-1'))).decision).toBe(Decision.NOT_FOUND);

    const { message } = await replay(before.decisionId);
    expect(message?.verdict).toMatchObject({ outcome: Outcome.ALLOWED });
    expect(message?.plan?.floor).toBe('at_exact_snapshot');
    expect(message?.recorded).toMatchObject({
      decisionId: before.decisionId,
      outcome: Outcome.ALLOWED,
      caller: 'local',
    });
    expect((await explain(ask('erin', 'message', 'msg-1'))).verdict?.outcome).toBe(Outcome.NOT_FOUND);
  });

  it('has the revision that it was read at, from a cache too, and denied or absent', async () => {
    for (const id of ['msg-1', 'no-such-msg']) {
      for (let round = 0; round < 3; round += 1) {
        const { decisionId } = await check(ask('dave', 'message', id));
        const { message, body } = await replay(decisionId);
        expect([id, round, message?.verdict?.outcome, body]).toEqual([id, round, Outcome.NOT_FOUND, body]);
        expect(message?.recorded?.checkedAt).not.toBe('');
        // That is as of now, and the decision is not.
        expect(message?.verdict?.why).not.toContain('is written of');
      }
    }
  });

  it('of a batch is found by its place', async () => {
    await using client = createGrpcClient('gRPC', gate().addresses.grpc);
    const answer = await client.call(AuthorizationService.method.batchCheckTask, {
      principal: user('alice'),
      checks: [item('message', 'msg-1'), item('message', 'msg-9')],
    });
    const decisionId = answer.decisionId ?? '';
    expect((await replay(decisionId, 1)).message?.question?.resource?.key.value).toBe('msg-9');
    expect((await replay(decisionId, 2)).status).toBe(404);
  });

  it.each([
    ['00000000-0000-4000-8000-000000000000', 404],
    ['<script>', 400],
    ['', 400],
  ])('that is not there: %j is %i', async (decisionId, status) => {
    expect((await replay(decisionId)).status).toBe(status);
  });

  it('is listed, the latest first, and what came since', async () => {
    const { admin } = gate().addresses;
    const { decisionId } = await check(ask('alice', 'message', 'msg-1'));
    const first = await callAdmin(admin, recentDecisions, { limit: 1 });
    expect(first.message?.decisions.map((each) => each.decisionId)).toEqual([decisionId]);
    const after = first.message?.latest ?? 0n;
    await check(ask('mallory', 'message', 'msg-1'));
    const since = await callAdmin(admin, recentDecisions, { after, principalId: 'mallory' });
    expect(since.message?.decisions).toMatchObject([{ outcome: Outcome.NOT_FOUND, reason: 'denied' }]);
    expect((await callAdmin(admin, recentDecisions, { after, principalId: 'alice' })).message?.decisions).toEqual([]);
    expect((await callAdmin(admin, recentDecisions, { limit: 1_001 })).status).toBe(400);
  });
});

describe('where the account is not enforced', () => {
  const unenforced = useTaskgate({
    yaml: `
rollout:
  accounts: { acme: { enforcement: shadow, types: { state: { enforcement: "off" }, task: { enforcement: enforce } } } }
  bypass: [{ kind: user, id: trusted }]
`,
  });

  it.each([
    ['message', 'msg-1', 'rollout.enforcement=shadow', 'the account acme is in shadow for message (rollout)'],
    ['state', 'state-1', 'rollout.enforcement=off', 'the account acme is off for state (rollout)'],
  ])('a %s is decided as if it were, and said not to be what callers are told', async (type, id, flag, text) => {
    const { verdict, plan } = await explain(ask('dave', type, id), unenforced());
    expect(verdict?.outcome).toBe(Outcome.NOT_FOUND);
    expect(verdict?.why).toContain(
      `. But ${text}: callers are told their legacy answer, or ALLOWED without one, and not this`,
    );
    expect(plan?.flags).toEqual([flag]);
  });

  it('says nothing of it where it is', async () => {
    const { verdict, plan } = await explain(ask('dave', 'task', 'task-1'), unenforced());
    expect(verdict?.why).not.toContain('. But ');
    expect(plan?.flags).toEqual([]);
  });

  it('says who is trusted', async () => {
    const { verdict, plan } = await explain(ask('trusted', 'task', 'task-1'), unenforced());
    expect(verdict).toMatchObject({ outcome: Outcome.NOT_FOUND });
    expect(verdict?.why).toMatch(/\. But user:trusted is in rollout\.bypass: it is told ALLOWED, whatever this says$/);
    expect(plan?.flags).toEqual(['rollout.bypass']);
  });

  it.each([
    ['dave', 'message', 'msg-1', 'unenforced'],
    ['trusted', 'task', 'task-1', 'bypassed'],
  ])('explains what %s was told of a %s without asking anybody, as of now', async (who, type, id, reason) => {
    const { decisionId } = await check(ask(who, type, id), unenforced());
    const { message } = await waitUntil(
      async () => {
        const answer = await callAdmin(unenforced().addresses.admin, explainDecision, {
          subject: { case: 'decision', value: { decisionId } },
        });
        return answer.status === 404 ? undefined : answer;
      },
      { what: 'kept', timeoutMs: 5_000 },
    );
    expect(message?.recorded).toMatchObject({ outcome: Outcome.ALLOWED, reason });
    expect(message?.verdict).toMatchObject({ outcome: Outcome.NOT_FOUND, reason: 'denied' });
    expect(message?.plan?.floor).not.toBe('at_exact_snapshot');
  });
});

describe('a fault', () => {
  it('is no answer: the verdict is that it could not be told, and nothing of what the driver said comes out', async () => {
    let isBroken = false;
    await using broken = await startTestTaskgate({
      decorate: (stores) => ({
        ...stores,
        sql: {
          ...stores.sql,
          async query(...question) {
            if (isBroken) throw new Error('canary-of-the-driver');
            return stores.sql.query(...question);
          },
        },
      }),
    });
    await waitUntil(
      async () =>
        (await exchangeHttp1(`http://${broken.addresses.admin}/readyz`, { method: 'GET' })).status === 200
          ? true
          : undefined,
      { what: 'ready', timeoutMs: 10_000 },
    );
    await check(ask('alice', 'message', 'msg-1'), broken);
    isBroken = true;
    const unknown = await explain(ask('alice', 'state', 'state-1'), broken);
    expect(unknown.verdict).toMatchObject({ outcome: Outcome.COULD_NOT_TELL, reason: 'UnavailableError' });
    expect(unknown.checks).toEqual([]);
    const known = await explain(ask('alice', 'message', 'msg-1'), broken);
    expect(known.verdict?.outcome).toBe(Outcome.ALLOWED);
    expect(
      JSON.stringify([unknown, known], (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    ).not.toContain('canary');
  });
});

describe('the state', () => {
  it('tells of readiness, breakers, caches, changes and latencies, with no id in it', async () => {
    await check(ask('alice', 'message', 'msg-1'));
    const { message, body } = await callAdmin(gate().addresses.admin, getState, {});
    expect(message).toMatchObject({
      ready: true,
      breakers: { redis: 'closed', database: 'closed', spicedb: 'closed' },
      watch: { following: true },
    });
    expect(message?.caches.map(({ name, entries, capacity }) => [name, entries > 0, capacity])).toEqual([
      ['parents', true, 50_000],
      ['decisions', true, 50_000],
    ]);
    const series = message?.latencies.find(({ method, transport }) => method === 'CheckTask' && transport === 'grpc');
    expect(series?.counts).toHaveLength((series?.upperBoundsMs.length ?? 0) + 1);
    expect(Number(series?.counts.reduce((sum, count) => sum + count, 0n))).toBeGreaterThan(0);
    for (const id of ['alice', 'acme', 'msg-1', 'task-1', 'unused']) expect(body).not.toContain(id);
  });
});
