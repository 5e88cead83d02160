import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Relationship, RelationshipSubject } from '../../src/authorize/ports.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { InvalidArgumentError, UnavailableError } from '../../src/domain/errors.ts';
import type { Principal } from '../../src/domain/principal.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { SPICEDB_ENGINES, SYSTEM_CLOCK, callContext, loadSchema, task, taskCheck } from '../support/spicedb.ts';
import type { SpiceDbEngine } from '../support/spicedb.ts';

const ALICE: RelationshipSubject = { kind: 'principal', principalKind: 'user', id: 'alice' };
const LAYERS = [
  { layers: 'all layers', coalescing: {} },
  { layers: 'no coalescing', coalescing: 'off' },
] as const;

describe.each(SPICEDB_ENGINES)('relationships on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  describe.each(LAYERS)('with $layers', ({ coalescing }) => {
    let chain: RelationshipChain & AsyncDisposable;
    beforeAll(async () => {
      chain = await useSampleStore(loadSchema());
    });
    afterAll(async () => chain[Symbol.asyncDispose]());

    /** A chain over a store of its own that holds the sample relationships. */
    async function useSampleStore(schema: string): Promise<RelationshipChain & AsyncDisposable> {
      await using stack = new AsyncDisposableStack();
      const store = stack.use(await engine.openStore(schema));
      const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options, coalescing });
      stack.defer(() => chain.close());
      await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
      const kept = stack.move();
      return { ...chain, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
    }

    test('holds what the role gives in the account, and denies everything else', async () => {
      const cases = [
        { check: taskCheck('task-1', { permission: 'delete' }), kind: 'held' },
        { check: taskCheck('task-1', { user: 'bob', permission: 'update' }), kind: 'held' },
        { check: taskCheck('task-1', { user: 'bob', permission: 'delete' }), kind: 'denied' },
        { check: taskCheck('task-1', { user: 'carol' }), kind: 'held' },
        { check: taskCheck('task-1', { user: 'dave' }), kind: 'denied' },
        { check: taskCheck('task-1', { account: 'globex' }), kind: 'denied' },
        { check: taskCheck('task-9'), kind: 'denied' },
        { check: taskCheck('task-9', { user: 'mallory', account: 'globex' }), kind: 'held' },
        { check: taskCheck('task-9', { user: 'mallory' }), kind: 'denied' },
        { check: taskCheck('no-such-task'), kind: 'denied' },
      ];
      const checks = cases.map(({ check }) => check);
      const expected = cases.map(({ kind }) => ({ kind }));

      const together = await chain.relationships.check(checks, FULLY_CONSISTENT, callContext());
      expect(together.results).toEqual(expected);
      expect(together.checkedAt).not.toBe('');
      for (const [index, check] of checks.entries()) {
        const alone = await chain.relationships.check([check], FULLY_CONSISTENT, callContext());
        expect(alone.results).toEqual([expected[index]]);
        expect(alone.checkedAt).not.toBe('');
      }
    });

    test('answers no checks with none', async () => {
      const { results } = await chain.relationships.check([], MINIMIZE_LATENCY, callContext());
      expect(results).toEqual([]);
    });

    test('denies what is conditional because the gate asks for context that checks do not carry', async () => {
      const schema = loadSchema()
        .replace('account string, tenant_account string', 'account string, tenant_account string, region string')
        .replace('account == tenant_account', "account == tenant_account && region == 'eu'");
      await using chain = await useSampleStore(schema);
      const checks = [taskCheck('task-1'), taskCheck('task-1', { permission: 'delete' })];
      const alone = await chain.relationships.check(checks.slice(0, 1), FULLY_CONSISTENT, callContext());
      const together = await chain.relationships.check(checks, FULLY_CONSISTENT, callContext());
      expect(alone.results).toEqual([{ kind: 'denied' }]);
      expect(together.results).toEqual([{ kind: 'denied' }, { kind: 'denied' }]);
    });

    test.each(['user', 'service_account', 'agent'] as const)('lets a %s create in its account only', async (kind) => {
      const principal: Principal = { kind, id: 'anyone', account: 'acme' };
      const { results } = await chain.relationships.check(
        [
          { object: { kind: 'tenant', account: 'acme' }, permission: 'create_task', principal },
          { object: { kind: 'tenant', account: 'globex' }, permission: 'create_task', principal },
        ],
        FULLY_CONSISTENT,
        callContext(),
      );
      expect(results).toEqual([{ kind: 'held' }, { kind: 'denied' }]);
    });

    test.each(['alice@example.com', 'ünïcödé 🦜', '*', '=', '=2A', '=sentinel/0', 'a/b|c', 'a'.repeat(1024)])(
      'keeps the id %s apart from every other',
      async (id) => {
        const owned: readonly Relationship[] = [
          {
            object: task(id),
            relation: 'tenant',
            subject: { kind: 'object', object: { kind: 'tenant', account: id } },
          },
          { object: task(id), relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id } },
          {
            object: { kind: 'tenant', account: id },
            relation: 'member',
            subject: { kind: 'account_members', principalKind: 'user', account: id },
          },
        ];
        await chain.writer.touch(owned, callContext());
        const { results } = await chain.relationships.check(
          [
            taskCheck(id, { user: id, account: id }),
            taskCheck(id, { user: 'alice', account: id }),
            taskCheck(id, { user: id }),
            taskCheck('task-1', { user: id }),
            { ...taskCheck('', { user: id, account: id }), object: { kind: 'sentinel', type: 'task', index: 0 } },
          ],
          FULLY_CONSISTENT,
          callContext(),
        );
        const denied = { kind: 'denied' };
        expect(results).toEqual([{ kind: 'held' }, denied, denied, denied, denied]);
      },
    );

    test('refuses an id that SpiceDB can not hold', async () => {
      const check = chain.relationships.check([taskCheck('é'.repeat(1024))], MINIMIZE_LATENCY, callContext());
      await expect(check).rejects.toMatchObject({ name: 'InvalidArgumentError', field: 'resource.id' });
    });

    test.each([1_000, 10_000, 10_001])('answers %i checks in order, at one revision', async (count) => {
      const checks = Array.from({ length: count }, (_, index) =>
        taskCheck(index % 3 === 0 ? 'task-1' : `none-${index}`),
      );
      const { results, checkedAt } = await chain.relationships.check(checks, MINIMIZE_LATENCY, callContext());
      expect(results.map(({ kind }) => kind)).toEqual(checks.map((_, index) => (index % 3 === 0 ? 'held' : 'denied')));
      expect(checkedAt).not.toBe('');
    });

    test('answers checks whose ids are as long as may be', async () => {
      // More than the 4 MiB that SpiceDB takes as one message.
      const checks = Array.from({ length: 4_500 }, (_, index) => taskCheck(String(index).padStart(1024, '0')));
      const { results } = await chain.relationships.check(checks, MINIMIZE_LATENCY, callContext());
      expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['denied']));
      expect(results).toHaveLength(4_500);
    });

    test('sees what was written, at the token of the write and fully consistent', async () => {
      const check = taskCheck('task-2');
      const before = await chain.relationships.check([check], MINIMIZE_LATENCY, callContext());
      const tenancy: RelationshipSubject = { kind: 'object', object: { kind: 'tenant', account: 'acme' } };
      const token = await chain.writer.touch(
        [
          { object: task('task-2'), relation: 'tenant', subject: tenancy },
          { object: task('task-2'), relation: 'owner', subject: ALICE },
        ],
        callContext(),
      );
      const asked: readonly Consistency[] = [{ kind: 'at_least_as_fresh', token }, FULLY_CONSISTENT];
      const after = await Promise.all(
        asked.map(async (consistency) => chain.relationships.check([check], consistency, callContext())),
      );
      expect(before.results).toEqual([{ kind: 'denied' }]);
      expect(after.map(({ results }) => results)).toEqual([[{ kind: 'held' }], [{ kind: 'held' }]]);
    });

    test('writes the same relationships again, and twice in one write', async () => {
      await chain.writer.touch([...SAMPLE_RELATIONSHIPS, ...SAMPLE_RELATIONSHIPS], callContext());
      const { results } = await chain.relationships.check([taskCheck('task-1')], FULLY_CONSISTENT, callContext());
      expect(results).toEqual([{ kind: 'held' }]);
    });

    test.each(['garbage', 'AAAA', '', 'é', 'x'.repeat(2000)])(
      'blames the caller for the token %j, alone and in bulk alike',
      async (token) => {
        const consistency: Consistency = { kind: 'at_least_as_fresh', token };
        const ask = async (...ids: string[]): Promise<unknown> =>
          chain.relationships
            .check(
              ids.map((id) => taskCheck(id)),
              consistency,
              callContext(),
            )
            .catch((error: unknown) => error);
        const [alone, together] = [await ask('task-1'), await ask('task-1', 'task-9')];
        const expected = new InvalidArgumentError('consistency.at_least_as_fresh', 'is not a token of this deployment');
        expect(alone).toEqual(expected);
        expect(together).toEqual(expected);
      },
    );

    test('can not tell about a type or permission that the schema lacks', async () => {
      const unknown = taskCheck('task-1', { permission: 'no_such_permission' });
      await expect(chain.relationships.check([unknown], MINIMIZE_LATENCY, callContext())).rejects.toBeInstanceOf(
        UnavailableError,
      );
      const { results } = await chain.relationships.check(
        [taskCheck('task-1'), unknown],
        FULLY_CONSISTENT,
        callContext(),
      );
      expect(results).toEqual([{ kind: 'held' }, { kind: 'failed', error: expect.any(UnavailableError) }]);
    });

    test('tells which mapped permissions the schema lacks', async () => {
      const held = [
        { definition: 'task', permission: 'read' },
        { definition: 'tenant', permission: 'create_task' },
      ];
      const missing = [
        { definition: 'task', permission: 'approve' },
        { definition: 'dossier', permission: 'read' },
      ];
      const { schemaCheck } = chain;
      expect(await schemaCheck.missingPermissions([...missing, ...held], callContext())).toEqual(missing);
      expect(await schemaCheck.missingPermissions(held, callContext())).toEqual([]);
      expect(await schemaCheck.missingPermissions([], callContext())).toEqual([]);
    });
  });
});
