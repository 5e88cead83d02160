import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import type { SpiceDbEngine, SpiceDbStore } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK, task, taskCheck } from '../support/spicedb.ts';

const CAROL_VIEWS: Relationship = {
  object: task('task-1'),
  relation: 'viewer',
  subject: { kind: 'principal', principalKind: 'user', id: 'carol' },
};
const WITHIN_A_SECOND = { timeout: 1_000, interval: 5 };

describe.each(SPICEDB_ENGINES)('following changes on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  let store: SpiceDbStore;
  let writer: RelationshipChain;
  let chain: RelationshipChain;
  beforeAll(async () => {
    engine = await start();
    store = await engine.openStore(loadSchema());
    writer = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    await writer.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
    chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options, caching: { silenceMs: 'off' } });
    await vi.waitFor(() => expect(chain.isFollowing()).toBe(true), { timeout: 5_000 });
  });
  afterAll(async () => {
    chain.close();
    writer.close();
    await store[Symbol.asyncDispose]();
    await engine.close();
  });

  const carol = async (): Promise<string | undefined> => {
    const { results } = await chain.relationships.check(
      [taskCheck('task-1', { user: 'carol' })],
      MINIMIZE_LATENCY,
      callContext(),
    );
    return results[0]?.kind;
  };
  const revoke = async (): Promise<void> => {
    await writer.writer.write({ remove: [CAROL_VIEWS] }, callContext());
  };

  test('sees a revoke and a grant through another client within a second, again and again', async () => {
    for (let round = 0; round < 5; round += 1) {
      await vi.waitFor(async () => expect(await carol()).toBe('held'), WITHIN_A_SECOND);
      await revoke();
      await vi.waitFor(async () => expect(await carol()).toBe('denied'), WITHIN_A_SECOND);
      await writer.writer.touch([CAROL_VIEWS], callContext());
    }
  });

  test('sees a change of the tenant for everything in it', async () => {
    const member = SAMPLE_RELATIONSHIPS.filter(({ relation }) => relation === 'member').slice(0, 1);
    await vi.waitFor(async () => expect(await carol()).toBe('held'), WITHIN_A_SECOND);
    await writer.writer.write({ remove: member }, callContext());
    await vi.waitFor(async () => expect(await carol()).toBe('denied'), WITHIN_A_SECOND);
    await writer.writer.touch(member, callContext());
    await vi.waitFor(async () => expect(await carol()).toBe('held'), WITHIN_A_SECOND);
  });

  test('sees a schema under which a role no longer reads', async () => {
    await vi.waitFor(async () => expect(await carol()).toBe('held'), WITHIN_A_SECOND);
    const stricter = loadSchema().replace(/(definition task \{[\s\S]*?permission read = \(?)viewer \+ /, '$1');
    expect(stricter).not.toBe(loadSchema());
    await writer.client.call(WRITE_SCHEMA, { schema: stricter }, callContext(), { idempotent: true });
    await vi.waitFor(async () => expect(await carol()).toBe('denied'), WITHIN_A_SECOND);
    await writer.client.call(WRITE_SCHEMA, { schema: loadSchema() }, callContext(), { idempotent: true });
    await vi.waitFor(async () => expect(await carol()).toBe('held'), { timeout: 8_000 });
  });
});
