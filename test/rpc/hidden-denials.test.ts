import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask, item, user } from '../support/check-requests.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { useTaskgate } from '../support/taskgate.ts';
import type { Outcome, TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { checkTask, batchCheckTask, filterReadableTasks, registerResource } = AuthorizationService.method;
const LIMIT = 4;
const gate = useTaskgate({ yaml: `denials: { hidden_suspect_at: 2, hidden_limit: ${LIMIT} }` });
let client: TestClient;
beforeAll(() => {
  client = createGrpcClient('gRPC', gate().addresses.grpc);
});
afterAll(async () => client[Symbol.asyncDispose]());

const REFUSED = { kind: 'error', code: 'RESOURCE_EXHAUSTED', message: 'overloaded: nothing was decided' };

/** msg-1 is there and not theirs, msg-none was never there. */
async function exhaust(who: string, id: string): Promise<void> {
  for (let time = 0; time < LIMIT; time += 1) {
    expect(await client.call(checkTask, ask(who, 'message', id))).toMatchObject({
      message: { decision: Decision.NOT_FOUND },
    });
  }
}

async function metric(name: string): Promise<number> {
  const { body } = await exchangeHttp1(`http://${gate().addresses.admin}/metrics`, { method: 'GET' });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
}

describe('with denials.hidden_limit', () => {
  it.each([
    ['denied', 'msg-1', 'dave'],
    ['absent', 'msg-none', 'erin'],
  ])('refuses who was told "not found" of what is %s too often, whatever it asks next', async (_, id, who) => {
    await exhaust(who, id);
    const calls: readonly Promise<Outcome<unknown>>[] = [
      client.call(checkTask, ask(who, 'task', 'task-1')),
      client.call(checkTask, ask(who, 'task', 'task-none')),
      client.call(checkTask, ask(who, 'message', 'msg-1')),
      client.call(registerResource, {
        principal: user(who),
        resource: { type: 'schedule', key: { case: 'id', value: 'schedule-1' } },
        parent: { type: 'agent', key: { case: 'id', value: 'agent-1' } },
      }),
    ];
    for (const call of calls) expect(await call).toMatchObject(REFUSED);
    const batch = await client.call(batchCheckTask, { principal: user(who), checks: [item('task', 'task-1')] });
    expect(batch).toMatchObject({
      message: { results: [{ outcome: { case: 'error', value: { message: REFUSED.message } } }] },
    });
  });

  it('goes on deciding for others, and for the same id in another account', async () => {
    await exhaust('frank', 'msg-1');
    expect(await client.call(checkTask, ask('alice', 'task', 'task-1'))).toMatchObject({
      message: { decision: Decision.ALLOWED },
    });
    const elsewhere = { principal: user('frank', 'other'), ...item('task', 'task-1') };
    expect(await client.call(checkTask, elsewhere)).toMatchObject({ message: { decision: Decision.NOT_FOUND } });
  });

  it('does not count what a list leaves out', async () => {
    const { resource } = item('task', 'task-1');
    const resources = Array.from({ length: 3 * LIMIT }, () => resource);
    await client.call(filterReadableTasks, { principal: user('grace'), resources });
    expect(await client.call(checkTask, ask('grace', 'task', 'task-1'))).toMatchObject({
      message: { decision: Decision.NOT_FOUND },
    });
  });

  it('shows how many principals may be trying ids, and names them in the log only', async () => {
    const suspects = await metric('taskgate_hidden_denial_suspects');
    await exhaust('heidi', 'msg-none');
    await client.call(checkTask, ask('heidi', 'task', 'task-1'));
    expect(await metric('taskgate_hidden_denial_suspects')).toBe(suspects + 1);
    expect(await metric('taskgate_hidden_denials_highest')).toBeGreaterThanOrEqual(LIMIT);
    expect(await metric('taskgate_hidden_denial_throttled_total')).toBeGreaterThanOrEqual(1);
    const warnings = gate().logged.filter((line) => line.includes('may be trying ids') && line.includes('heidi'));
    expect(warnings).toHaveLength(1);
    const { body } = await exchangeHttp1(`http://${gate().addresses.admin}/metrics`, { method: 'GET' });
    expect(body).not.toContain('heidi');
  });
});
