import { expect, test } from 'vitest';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { registerAccount } from '../../src/lifecycle/register-account.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { callContext, loadSchema, SYSTEM_CLOCK } from '../support/spicedb.ts';

test('lets every kind of principal of the account create in it, and nobody else; again without effect', async () => {
  await using engine = await startEmbeddedSpiceDb({ schema: loadSchema() });
  const spiceDb = { endpoint: engine.endpoint, timeoutMs: 5_000 };
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb });
  const ask = async (): Promise<readonly string[]> => {
    const principals = [
      { kind: 'user', id: 'eve@example.com', account: 'new co' },
      { kind: 'service_account', id: 'robot', account: 'new co' },
      { kind: 'agent', id: 'agent-1', account: 'new co' },
      { kind: 'user', id: 'eve@example.com', account: 'acme' },
    ] as const;
    const object = { kind: 'tenant', account: 'new co' } as const;
    const checks = principals.map((principal) => ({ object, permission: 'create_task', principal }));
    const { results } = await chain.relationships.check(checks, FULLY_CONSISTENT, callContext());
    return results.map(({ kind }) => kind);
  };
  expect(await ask()).toEqual(['denied', 'denied', 'denied', 'denied']);
  await registerAccount(chain, 'new co', callContext());
  await registerAccount(chain, 'new co', callContext());
  expect(await ask()).toEqual(['held', 'held', 'held', 'denied']);
  chain.close();
});
