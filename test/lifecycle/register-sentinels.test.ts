import { describe, expect, test } from 'vitest';
import type { Relationship, Relationships } from '../../src/authorize/ports.ts';
import type { RelationshipWriter } from '../../src/authorize/ports-lifecycle.ts';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { identifierProblem } from '../../src/domain/identifier.ts';
import { registerSentinels } from '../../src/lifecycle/register-sentinels.ts';
import type { SentinelType } from '../../src/lifecycle/register-sentinels.ts';
import { useEmbeddedChain } from '../support/embedded-chain.ts';
import { callContext, taskCheck } from '../support/spicedb.ts';

const TASK: SentinelType = {
  type: 'task',
  tenantRelation: 'tenant',
  ownerRelation: 'owner',
  parent: { relation: 'parent', type: 'agent' },
};
const AGENT: SentinelType = { type: 'agent', tenantRelation: 'tenant', ownerRelation: 'owner' };

/** A writer that records what it passes on. */
function recordWrites(
  inner: Pick<RelationshipWriter, 'touch'>,
): Pick<RelationshipWriter, 'touch'> & { readonly writes: (readonly Relationship[])[] } {
  const writes: (readonly Relationship[])[] = [];
  return {
    writes,
    touch: async (relationships, context) => {
      writes.push(relationships);
      return inner.touch(relationships, context);
    },
  };
}

describe('registering sentinels in SpiceDB', () => {
  const chain = useEmbeddedChain();

  test('registers what is missing, in writes that SpiceDB takes, and nothing the second time', async () => {
    const { relationships } = chain();
    const writer = recordWrites(chain().writer);
    const options = { types: [TASK, AGENT], count: 400 };
    expect(await registerSentinels({ relationships, writer }, options, callContext())).toBe(800);
    const written = writer.writes.length;
    expect(written).toBeGreaterThan(1);
    expect(Math.max(...writer.writes.map((write) => write.length))).toBeLessThanOrEqual(1_000);

    expect(await registerSentinels({ relationships, writer }, options, callContext())).toBe(0);
    expect(writer.writes).toHaveLength(written);

    expect(await registerSentinels({ relationships, writer }, { ...options, count: 402 }, callContext())).toBe(4);
  });

  test('denies everyone on a sentinel', async () => {
    const object = { kind: 'sentinel', type: 'task', index: 0 } as const;
    const checks = ['alice', '=sentinel', '\uFFFD'].map((user) => {
      const { permission, principal } = taskCheck('', { user });
      return { object, permission, principal };
    });
    const { results } = await chain().relationships.check(checks, FULLY_CONSISTENT, callContext());
    expect(results).toEqual(checks.map(() => ({ kind: 'denied' })));
  });
});

describe('what is registered', () => {
  async function registered(types: readonly SentinelType[]): Promise<readonly Relationship[]> {
    const relationships: Relationships = {
      check: async (checks) => ({ results: checks.map(() => ({ kind: 'denied' })), checkedAt: 'revision' }),
    };
    const writer = recordWrites({ touch: async () => 'revision' });
    await registerSentinels({ relationships, writer }, { types, count: 2 }, callContext());
    return writer.writes.flat();
  }

  test('has the shape of a real task: an owner, a tenant with members, a parent', async () => {
    const written = await registered([TASK]);
    const first = written.filter(
      ({ object }) => object.kind === 'sentinel' && object.type === 'task' && object.index === 0,
    );
    expect(first.map(({ relation }) => relation).toSorted()).toEqual(['owner', 'parent', 'tenant']);
    const members = written.filter(({ relation }) => relation === 'member');
    expect(members.map(({ subject }) => subject.kind)).toEqual([
      'account_members',
      'account_members',
      'account_members',
    ]);
    const tenancy = first.find(({ relation }) => relation === 'tenant');
    expect(tenancy?.subject).toEqual({ kind: 'object', object: members[0]?.object });
  });

  test('names nobody and no account that could come from outside', async () => {
    for (const { subject } of await registered([TASK, AGENT])) {
      if (subject.kind === 'principal') expect(identifierProblem(subject.id)).toBeDefined();
      if (subject.kind === 'account_members') expect(identifierProblem(subject.account)).toBeDefined();
    }
  });

  test('stays together: the relationships of one sentinel are in one write', async () => {
    const relationships: Relationships = {
      check: async (checks) => ({ results: checks.map(() => ({ kind: 'denied' })), checkedAt: 'revision' }),
    };
    const writer = recordWrites({ touch: async () => 'revision' });
    await registerSentinels({ relationships, writer }, { types: [TASK], count: 1_000 }, callContext());
    const writesOf = new Map<number, Set<number>>();
    for (const [write, written] of writer.writes.entries()) {
      for (const { object } of written) {
        if (object.kind !== 'sentinel' || object.type !== 'task') continue;
        writesOf.set(object.index, (writesOf.get(object.index) ?? new Set()).add(write));
      }
    }
    expect(writesOf.size).toBe(1_000);
    expect([...writesOf.values()].every(({ size }) => size === 1)).toBe(true);
  });
});

test('fails when it can not tell what is there', async () => {
  const error = new UnavailableError('spicedb');
  const relationships: Relationships = {
    check: async (checks) => ({ results: checks.map(() => ({ kind: 'failed', error })), checkedAt: 'revision' }),
  };
  const writer = recordWrites({ touch: async () => 'revision' });
  await expect(registerSentinels({ relationships, writer }, { types: [TASK] }, callContext())).rejects.toBe(error);
  expect(writer.writes).toEqual([]);
});
