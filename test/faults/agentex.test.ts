import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENTEX_SECRET, createAgentexClient, toApiKeysFile } from '../support/agentex.ts';
import type { FaultyTaskgate } from '../support/faulty-taskgate.ts';
import { startFaultyTaskgate } from '../support/faulty-taskgate.ts';
import { createTestDirectory } from '../support/files.ts';
import { startSampleStores } from '../support/taskgate.ts';

const opened = new AsyncDisposableStack();
let faulty: FaultyTaskgate;
let agentex: ReturnType<typeof createAgentexClient>;
beforeAll(async () => {
  const files = opened.use(await createTestDirectory());
  const stores = opened.use(await startSampleStores());
  const yaml = `
principals: { api_keys_file: ${await files.write('api-keys', toApiKeysFile())} }
agentex: { signing_keys: [{ id: a, secret: "${AGENTEX_SECRET}" }] }
`;
  faulty = opened.use(await startFaultyTaskgate(stores, { yaml }));
  agentex = createAgentexClient(faulty.gate.addresses.http);
});
afterAll(async () => opened.disposeAsync());

/** Somebody who may and somebody who may not. */
const CALLS = (['alice', 'dave'] as const).flatMap((who) =>
  [
    ['check', { resource: { type: 'task', selector: 'task-1' }, operation: 'delete' }],
    ['check', { resource: { type: 'task', selector: 'absent' }, operation: 'read' }],
    ['check', { resource: { type: 'task', selector: '*' }, operation: 'create' }],
    ['search', { filter_resource: 'task', filter_operation: 'read' }],
    ['search', { filter_resource: 'agent', filter_operation: 'read' }],
    ['grant', { resource: { type: 'task', selector: 'task-1' }, operation: 'create' }],
    ['revoke', { resource: { type: 'task', selector: 'absent' }, operation: 'delete' }],
    ['register', { resource: { type: 'task', selector: 'task-1' }, parent: null }],
    ['deregister', { resource: { type: 'task', selector: 'absent' } }],
  ].map(([path, rest]) => [who, path, rest] as [typeof who, string, Record<string, unknown>]),
);

describe.each(['refuse', 'hang', 'reset', 'garbage'] as const)('SpiceDB that does %s', (mode) => {
  it.each(CALLS)('is an outage to %s of %s %j, and neither yes nor no', async (who, path, rest) => {
    await agentex.principalOf(who);
    await faulty.stores.spicedb.setMode(mode);
    try {
      const { status, body } = await agentex.ask(who, path, rest);
      expect(status).toBe(503);
      expect(body).not.toMatch(/items|unscoped|success|denied/);
    } finally {
      await faulty.stores.spicedb.setMode('ok');
    }
  });

  it('answers as before when it is back', async () => {
    const status = async () => (await agentex.check('alice', 'delete', 'task', 'task-1')).status;
    await expect.poll(status, { timeout: 10_000, interval: 50 }).toBe(200);
    expect((await agentex.check('dave', 'delete', 'task', 'task-1')).status).toBe(403);
  });
});

it('does not need a store to know who somebody is', async () => {
  for (const store of ['spicedb', 'database', 'redis'] as const) await faulty.stores[store].setMode('refuse');
  const { status } = await agentex.authn({ 'x-api-key': 'the-api-key-of-bob' });
  for (const store of ['spicedb', 'database', 'redis'] as const) await faulty.stores[store].setMode('ok');
  expect(status).toBe(200);
});
