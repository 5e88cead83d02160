import { setTimeout as delay } from 'node:timers/promises';
import { AuthorizationService, Decision, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { item, user } from '../support/check-requests.ts';
import { waitUntil } from '../support/wait-until.ts';
import { PROMISED } from './oracle.ts';
import { AGENT_OWNERS, agentOf, CREATORS, toRef } from './people.ts';
import type { Replica } from './replica.ts';

const { checkTask, grantRole, registerResource } = AuthorizationService.method;
const CALL = { timeoutMs: 2_000 };
const TIMEOUT_MS = 30_000;

/**
 * Registers each account's agent, for everybody of the account to use. Resolves when no replica can say otherwise, not even
 * one that is started again.
 *
 * @throws Error if one still does.
 */
export async function registerAgents(replicas: readonly [Replica, ...Replica[]]): Promise<void> {
  const [{ client }] = replicas;
  for (const owner of AGENT_OWNERS) {
    const named = { principal: user(owner.user, owner.account), resource: toRef('agent', agentOf(owner.account)) };
    await untilTrue('the agent is registered', async () => {
      const outcome = await client.call(registerResource, named, CALL);
      return outcome.kind === 'message';
    });
    for (const { user: userId, account } of CREATORS) {
      if (account !== owner.account || userId === owner.user) continue;
      const role = { role: Role.EXECUTOR, subject: { subject: { case: 'userId' as const, value: userId } } };
      await untilTrue('the role is given', async () => {
        const outcome = await client.call(grantRole, { ...named, ...role }, CALL);
        return outcome.kind === 'message';
      });
    }
  }
  await delay(PROMISED.withoutWatchMs);
  for (const replica of replicas) {
    for (const { user: userId, account } of CREATORS) {
      const named = item('agent', agentOf(account), Operation.EXECUTE);
      const request = { ...named, principal: user(userId, account) };
      await untilTrue(`${replica.name} lets ${userId} use the agent`, async () => {
        const outcome = await replica.client.call(checkTask, request, CALL);
        return outcome.kind === 'message' && outcome.message.decision === Decision.ALLOWED;
      });
    }
  }
}

async function untilTrue(what: string, call: () => Promise<boolean>): Promise<void> {
  await waitUntil(async () => ((await call()) ? true : undefined), { what, timeoutMs: TIMEOUT_MS, intervalMs: 100 });
}
