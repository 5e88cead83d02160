import { expect, test } from 'vitest';
import type { DecideCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import type { RelationshipWriter } from '../../src/authorize/ports-lifecycle.ts';
import { NotFoundError } from '../../src/domain/errors.ts';
import { createGrantRole, createRevokeRole } from '../../src/lifecycle/change-role.ts';
import { deregister } from '../../src/lifecycle/deregister-resource.ts';
import { register } from '../../src/lifecycle/register-resource.ts';
import type { LifecycleModel } from '../../src/lifecycle/require-registration.ts';
import { createTenantGates } from '../../src/lifecycle/tenant-gates.ts';
import { useEmbeddedChain } from '../support/embedded-chain.ts';
import { readGraph } from '../support/graph.ts';
import { callContext } from '../support/spicedb.ts';

/*
 * What happens between the decision and the write. Each test makes the other one come in between, always.
 */

const ALICE = { kind: 'user', id: 'alice', account: 'acme' } as const;
const BOB = { kind: 'user', id: 'bob', account: 'acme' } as const;
const TASK = {
  type: 'task',
  tenantRelation: 'tenant',
  ownerRelation: 'owner',
  roles: new Map([
    ['owner', 'owner'],
    ['viewer', 'viewer'],
  ] as const),
};
const MODEL: LifecycleModel = { types: new Map(), registrations: new Map([['task', TASK]]) };

const chain = useEmbeddedChain();

const registerTask = async (id: string, owner: typeof ALICE | typeof BOB = ALICE): Promise<string> => {
  const deps = { ...chain(), tenantGates: createTenantGates({ reader: chain().reader }) };
  return register(deps, { registration: TASK, id, owner, parentId: undefined }, callContext());
};
const deregisterTask = async (id: string, writer = chain().writer): Promise<string> =>
  deregister(writer, { registration: TASK, id, account: 'acme' }, callContext());
const linesOf = async (id: string): Promise<readonly string[]> =>
  (await readGraph(chain().reader, ['task'])).filter((line) => line.startsWith(`task:${id}#`));

/** Decides that alice may share the task, and then lets `meanwhile` happen before she hears of it. */
function allowedBefore(id: string, meanwhile: () => Promise<unknown>): DecideCheck {
  return async () => {
    await meanwhile();
    const object = { type: 'task', id };
    return { kind: 'decided', decision: { kind: 'ALLOWED', object, checkedAt: 'token' }, reason: 'held' };
  };
}

const change = (id: string, role: 'owner' | 'viewer') =>
  ({
    principal: ALICE,
    resource: { type: 'task', key: { kind: 'id', id } },
    role,
    subject: { kind: 'user', id: 'alice' },
  }) as const;

test.each(['viewer', 'owner'] as const)('gives no %s on what was deregistered after the decision', async (role) => {
  const id = `grant-${role}`;
  await registerTask(id);
  const decideCheck = allowedBefore(id, async () => deregisterTask(id));
  const grant = createGrantRole({ ...chain(), decideCheck }, MODEL);
  await expect(grant(change(id, role), callContext())).rejects.toThrow(NotFoundError);
  expect(await linesOf(id)).toEqual([]);
});

test.each(['viewer', 'owner'] as const)('takes no %s from what is another account’s by now', async (role) => {
  const id = `revoke-${role}`;
  await registerTask(id);
  const decideCheck = allowedBefore(id, async () => {
    await deregisterTask(id);
    const object: RelationshipObject = { kind: 'resource', type: 'task', id };
    const tenant: RelationshipObject = { kind: 'tenant', account: 'globex' };
    await chain().writer.touch(
      [
        { object, relation: 'tenant', subject: { kind: 'object', object: tenant } },
        { object, relation: role, subject: { kind: 'principal', principalKind: 'user', id: 'alice' } },
        { object, relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id: 'mallory' } },
      ],
      callContext(),
    );
  });
  const revoke = createRevokeRole({ ...chain(), decideCheck }, MODEL);
  await expect(revoke(change(id, role), callContext())).rejects.toThrow();
  expect(await linesOf(id)).toHaveLength(3);
});

test('a deregistration leaves what has been registered anew while it ran', async () => {
  const id = 'anew';
  await registerTask(id);
  let isFirst = true;
  const slow: RelationshipWriter = {
    ...chain().writer,
    async removeAll(pattern, conditions, context) {
      const result = await chain().writer.removeAll(pattern, conditions, context);
      if (isFirst) {
        isFirst = false;
        // Another deregistration ends what this one has begun, and the application registers the id again.
        await deregisterTask(id);
        await registerTask(id, BOB);
      }
      return result;
    },
  };
  await deregisterTask(id, slow);
  expect(await linesOf(id)).toEqual([`task:${id}#owner@user:bob`, `task:${id}#tenant@tenant:acme`]);
});

test('registering waits out a deregistration that ends between its write and its read', async () => {
  const id = 'comes-and-goes';
  await registerTask(id, BOB);
  const deps = {
    ...chain(),
    tenantGates: createTenantGates({ reader: chain().reader }),
    writer: {
      ...chain().writer,
      write: async (...args: Parameters<RelationshipWriter['write']>) => {
        const result = await chain().writer.write(...args);
        if (result.kind === 'refused') await deregisterTask(id);
        return result;
      },
    },
  };
  await register(deps, { registration: TASK, id, owner: ALICE, parentId: undefined }, callContext());
  expect(await linesOf(id)).toEqual([`task:${id}#owner@user:alice`, `task:${id}#tenant@tenant:acme`]);
});
