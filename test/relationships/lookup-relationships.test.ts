import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Relationship, RelationshipCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import { InvalidArgumentError } from '../../src/domain/errors.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbEngine, SpiceDbStore } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK } from '../support/spicedb.ts';

const TASKS = 2_000;
const ACCOUNTS = ['acme', 'globex'];
const USERS = ['few', 'many', 'none', 'ann@example.com'];
const ROLES = ['owner', 'editor', 'viewer', 'executor'];
const PERMISSIONS = ['read', 'update', 'delete', 'execute'];

const task = (index: number): RelationshipObject => ({ kind: 'resource', type: 'task', id: `täsk/${index}` });

function role(index: number, relation: string, id: string): Relationship {
  return { object: task(index), relation, subject: { kind: 'principal', principalKind: 'user', id } };
}

/** A graph from a seed: every task in some account or none, most with roles for `many`, a few for the others. */
function randomGraph(random: () => number): Relationship[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const tenants = ACCOUNTS.map((account): Relationship => ({
    object: { kind: 'tenant', account },
    relation: 'member',
    subject: { kind: 'account_members', principalKind: 'user', account },
  }));
  const tasks = Array.from({ length: TASKS }, (_, index): Relationship[] => {
    const tenant: Relationship[] =
      random() < 0.1
        ? []
        : [
            {
              object: task(index),
              relation: 'tenant',
              subject: { kind: 'object', object: { kind: 'tenant', account: pick(ACCOUNTS) } },
            },
          ];
    const many = random() < 0.8 ? [role(index, pick(ROLES), 'many'), role(index, pick(ROLES), 'many')] : [];
    const few = random() < 0.03 ? [role(index, pick(ROLES), 'few'), role(index, pick(ROLES), 'ann@example.com')] : [];
    return [...tenant, ...many, ...few];
  });
  return [...tenants, ...tasks.flat()];
}

describe.each(SPICEDB_ENGINES)('many checks of one principal on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  test('have the same answers by lookup as one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        async (numbers) => {
          const store: SpiceDbStore = await engine.openStore(loadSchema());
          const open = (lookups: boolean): RelationshipChain =>
            createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options, lookups });
          const [adaptive, oneByOne] = [open(true), open(false)];
          const relationships = randomGraph(() => numbers.next().value as number);
          for (let at = 0; at < relationships.length; at += 1_000) {
            await oneByOne.writer.touch(relationships.slice(at, at + 1_000), callContext());
          }
          for (const [index, id] of USERS.entries()) {
            const permission = PERMISSIONS[index] ?? 'read';
            const principal = { kind: 'user' as const, id, account: ACCOUNTS[index % 2] ?? '' };
            const checks = Array.from({ length: TASKS + 20 }, (_, at): RelationshipCheck => ({
              object: at < TASKS ? task(at) : { kind: 'sentinel', type: 'task', index: at },
              permission,
              principal,
            }));
            const expected = await oneByOne.relationships.check(checks, FULLY_CONSISTENT, callContext());
            const actual = await adaptive.relationships.check(checks, FULLY_CONSISTENT, callContext());
            expect(actual.results).toEqual(expected.results);
            const { ids } = await adaptive.lister.list(
              { type: 'task', permission, principal },
              { consistency: FULLY_CONSISTENT, snapshot: undefined },
              callContext(),
            );
            const held = checks.flatMap(({ object }, at) =>
              object.kind === 'resource' && expected.results[at]?.kind === 'held' ? [object.id] : [],
            );
            expect(ids).toEqual(held.toSorted());
          }
          adaptive.close();
          oneByOne.close();
          await store[Symbol.asyncDispose]();
        },
      ),
      { numRuns: 2 },
    );
  });

  test('blame a forged token on the caller', async () => {
    const store = await engine.openStore(loadSchema());
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    const principal = { kind: 'user', id: 'few', account: 'acme' } as const;
    const checks = Array.from({ length: 2_000 }, (_, at): RelationshipCheck => ({
      object: task(at),
      permission: 'read',
      principal,
    }));
    const forged = { kind: 'at_least_as_fresh', token: 'Zm9yZ2Vk' } as const;
    await expect(chain.relationships.check(checks, forged, callContext())).rejects.toThrow(InvalidArgumentError);
    chain.close();
    await store[Symbol.asyncDispose]();
  });
});
