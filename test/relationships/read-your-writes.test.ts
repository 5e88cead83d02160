import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK, task, taskCheck } from '../support/spicedb.ts';

const ROUNDS = 200;
const CONFIRMED_ROUNDS = 50;
const CAROL_VIEWS: Relationship = {
  object: task('task-1'),
  relation: 'viewer',
  subject: { kind: 'principal', principalKind: 'user', id: 'carol' },
};

describe.each(SPICEDB_ENGINES)('writes through a chain on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  test.each([
    { caching: 'on', options: { silenceMs: 'off' } },
    { caching: 'off', options: 'off' },
  ] as const)(
    'are seen by the very next check and list, with caching $caching',
    async ({ options }) => {
      await using store = await engine.openStore(loadSchema());
      using opened = new DisposableStack();
      const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options, caching: options });
      opened.defer(() => chain.close());
      await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
      if (options !== 'off') await vi.waitFor(() => expect(chain.isFollowing()).toBe(true), { timeout: 5_000 });
      const carol = taskCheck('task-1', { user: 'carol' });
      const seen = async (): Promise<readonly unknown[]> => {
        const { results } = await chain.relationships.check([carol], MINIMIZE_LATENCY, callContext());
        const { ids } = await chain.lister.list(
          { type: 'task', permission: 'read', principal: carol.principal },
          { consistency: MINIMIZE_LATENCY, snapshot: undefined },
          callContext(),
        );
        return [results[0]?.kind, ids.includes('task-1')];
      };
      const found: (readonly unknown[])[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        await chain.writer.write({ remove: [CAROL_VIEWS] }, callContext());
        found.push(await seen());
        await chain.writer.touch([CAROL_VIEWS], callContext());
        found.push(await seen());
      }
      const expected = Array.from({ length: ROUNDS }, () => [
        ['denied', false],
        ['held', true],
      ]).flat();
      expect(found).toEqual(expected);
    },
    60_000,
  );

  test('that another chain made are seen by the very next check and list after they are confirmed', async () => {
    await using store = await engine.openStore(loadSchema());
    using opened = new DisposableStack();
    const open = () => {
      const chain = createRelationshipChain(
        { clock: SYSTEM_CLOCK },
        { spiceDb: store.options, caching: { silenceMs: 'off' } },
      );
      opened.defer(() => chain.close());
      return chain;
    };
    const [writing, asking] = [open(), open()];
    await writing.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
    await vi.waitFor(() => expect(asking.isFollowing()).toBe(true), { timeout: 5_000 });
    const carol = taskCheck('task-1', { user: 'carol' });
    const check = async (): Promise<unknown> =>
      (await asking.relationships.check([carol], MINIMIZE_LATENCY, callContext())).results[0]?.kind;
    const found: unknown[] = [];
    for (let round = 0; round < CONFIRMED_ROUNDS; round += 1) {
      for (const change of [{ remove: [CAROL_VIEWS] }, { touch: [CAROL_VIEWS] }]) {
        await check();
        await writing.writer.write(change, callContext());
        await asking.reader.confirm({ object: task('task-1') }, callContext());
        found.push(await check());
      }
    }
    expect(found).toEqual(Array.from({ length: CONFIRMED_ROUNDS }, () => ['denied', 'held']).flat());
  }, 60_000);
});
