import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  ParentKey,
  ParentLookup,
  ParentResult,
  RelationshipCheck,
  RelationshipObject,
  Relationships,
} from '../../src/authorize/ports.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { createExpiry } from '../../src/parents/expiry.ts';
import { createMemoryParents } from '../../src/parents/memory-parents.ts';
import { createRedisParents } from '../../src/parents/redis-parents.ts';
import { createSharedFlightParents } from '../../src/parents/shared-flight-parents.ts';
import { createCoalescingRelationships } from '../../src/relationships/coalescing-relationships.ts';
import { createDecisionCache } from '../../src/relationships/decision-cache.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import { escapeObjectId } from '../../src/relationships/object-id.ts';
import { EXPIRY, KEY_RING, SILENT } from '../parents/fixtures.ts';
import { nearParts } from '../support/hostile-text.ts';
import { callContext } from '../support/spicedb.ts';

const RUNS = 600;
const CLOCK = { nowMs: () => 1_000 };
const EXPIRY_OF = createExpiry(EXPIRY, () => 0);

/** What is asked, as an answer: whoever gets another's can be told. Shares nothing with the keys. */
const said = (question: unknown): string => JSON.stringify(question);

/** Two questions to the parents, near one another. */
const keys: fc.Arbitrary<readonly [ParentKey, ParentKey]> = fc
  .tuple(nearParts(3), fc.constantFrom('id', 'name'), fc.constantFrom('id', 'name'))
  .map(([rows, ...by]) => {
    const [a, b] = rows.map(([type = '', parentType = '', value = ''], index) => ({
      type,
      parentType,
      value,
      by: by[index] ?? 'id',
    }));
    if (a === undefined || b === undefined) throw new Error('two rows make two keys');
    return [a, b];
  });
const source: ParentLookup = {
  async lookup(asked) {
    await nextTurn();
    return asked.map((key): ParentResult => ({ kind: 'found', id: said(key) }));
  },
};

/** Every value under every key, as an attacker who copies would have it. */
function createCopyingRedis() {
  let written: Buffer | null = null;
  const set = async (_key: string, value: Buffer): Promise<string> => {
    written = value;
    return 'OK';
  };
  return {
    isCluster: false,
    getBuffer: async () => written,
    mgetBuffer: async (asked: string[]) => asked.map(() => written),
    set,
  };
}

const PARENT_LAYERS: readonly (readonly [string, () => ParentLookup])[] = [
  [
    'memory',
    () =>
      createMemoryParents({ next: source, clock: CLOCK, expiryOf: EXPIRY_OF, observer: SILENT }, { maxEntries: 10 }),
  ],
  ['the shared flight', () => createSharedFlightParents({ next: source, clock: CLOCK }, { timeoutMs: 10_000 })],
  [
    'Redis with every entry copied to every key',
    () =>
      createRedisParents(
        { next: source, clock: CLOCK, expiryOf: EXPIRY_OF, observer: SILENT, redis: createCopyingRedis() },
        { keyPrefix: 'p', keyRing: KEY_RING, timeoutMs: 10_000 },
      ),
  ],
];

describe.each(PARENT_LAYERS)('%s', (_, create) => {
  test.each(['at once', 'in turn'])('gives nobody the parent of another: asked %s', async (when) => {
    await fc.assert(
      fc.asyncProperty(keys, async ([a, b]) => {
        const layer = create();
        const ask = async (key: ParentKey) => layer.lookup([key], callContext());
        const first = ask(a);
        if (when === 'in turn') await first.then(async () => nextTurn());
        const answers = [await ask(b), await first, await layer.lookup([a, b], callContext())].flat();
        const expected = [b, a, a, b].map((key) => ({ kind: 'found', id: said(key) }));
        expect(answers).toEqual(expected);
        const peeked = layer.peek?.(b);
        if (peeked !== undefined) expect(peeked).toEqual({ kind: 'found', id: said(b) });
      }),
      { numRuns: RUNS },
    );
  });
});

test('an entry in Redis counts under its own key and prefix alone, whatever they are', async () => {
  await fc.assert(
    fc.asyncProperty(keys, nearParts(1), async ([a, b], [[own = ''], [other = '']]) => {
      const redis = createCopyingRedis();
      const open = (keyPrefix: string) =>
        createRedisParents(
          { next: source, clock: CLOCK, expiryOf: EXPIRY_OF, observer: SILENT, redis },
          { keyPrefix, keyRing: KEY_RING, timeoutMs: 10_000 },
        );
      const writer = open(own);
      await writer.lookup([a], callContext());
      await writer.settled();
      expect(await open(other).lookup([b], callContext())).toEqual([{ kind: 'found', id: said(b) }]);
    }),
    { numRuns: RUNS },
  );
});

/** Two checks near one another, of any kind of object. */
const checks: fc.Arbitrary<readonly [RelationshipCheck, RelationshipCheck]> = fc
  .tuple(nearParts(5), fc.constantFrom('resource', 'tenant', 'sentinel'), fc.boolean())
  .map(([rows, kind, sharesPrincipal]) => {
    const [a, b] = rows.map((parts) => toCheck(parts, kind));
    if (a === undefined || b === undefined) throw new Error('two rows make two checks');
    return [a, sharesPrincipal ? { ...b, principal: a.principal } : b];
  });

function toCheck([type = '', id = '', permission = '', user = '', account = '']: readonly string[], kind: string) {
  const objects: Record<string, RelationshipObject> = {
    resource: { kind: 'resource', type, id },
    tenant: { kind: 'tenant', account: id },
    sentinel: { kind: 'sentinel', type, index: id.length },
  };
  const object = objects[kind] ?? { kind: 'tenant', account: id };
  return { object, permission, principal: { kind: 'user' as const, id: user, account } };
}

/** Holds some, denies the others: by a hash of the whole question. */
function holds(check: RelationshipCheck): boolean {
  let hash = 7;
  for (const character of said(check)) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return (hash & 1) === 0;
}
const resultOf = (check: RelationshipCheck) => ({ kind: holds(check) ? ('held' as const) : ('denied' as const) });
const engine: Relationships = {
  async check(asked, consistency) {
    await nextTurn();
    return { results: asked.map(resultOf), checkedAt: said(consistency) };
  },
};

describe('the decision cache', () => {
  test('answers no check with the answer of another', async () => {
    await fc.assert(
      fc.asyncProperty(checks, async ([a, b]) => {
        fc.pre([a, b].every(({ object }) => object.kind === 'sentinel' || isNamed(object)));
        const freshness = createFreshness({ clock: CLOCK }, { maxObjects: 10 });
        freshness.listener.followed({ token: 'start', leafTypes: new Set() });
        const cache = createDecisionCache({ inner: engine, freshness, clock: CLOCK }, { maxEntries: 10 });
        for (const check of [a, b, a]) {
          const { results } = await cache.check([check], MINIMIZE_LATENCY, callContext());
          expect(results).toEqual([resultOf(check)]);
          expect(cache.peek?.(check)?.result).toEqual(resultOf(check));
        }
      }),
      { numRuns: RUNS * 5 },
    );
  });
});

describe('coalescing', () => {
  test('gives each check its own answer, and each consistency its own read', async () => {
    const token = nearParts(1).map(([[a = ''], [b = '']]) => [a, b] as const);
    const kinds = fc.constantFrom('minimize_latency', 'fully_consistent', 'at_least_as_fresh');
    const toConsistency = (kind: string, value: string): Consistency =>
      kind === 'at_least_as_fresh'
        ? { kind, token: value }
        : { kind: kind === 'fully_consistent' ? kind : 'minimize_latency' };
    await fc.assert(
      fc.asyncProperty(checks, token, fc.tuple(kinds, kinds), async (pair, tokens, [kind, other]) => {
        const coalescing = createCoalescingRelationships({ inner: engine });
        const consistencies = [toConsistency(kind, tokens[0]), toConsistency(other, tokens[1])];
        const answers = await Promise.all(
          pair.flatMap((check) =>
            consistencies.map(async (consistency) => coalescing.check([check], consistency, callContext())),
          ),
        );
        expect(answers).toEqual(
          pair.flatMap((check) =>
            consistencies.map((consistency) => ({ results: [resultOf(check)], checkedAt: said(consistency) })),
          ),
        );
      }),
      { numRuns: RUNS * 5 },
    );
  });
});

function isNamed(object: RelationshipObject): boolean {
  if (object.kind === 'sentinel') return true;
  return escapeObjectId(object.kind === 'tenant' ? object.account : object.id) !== undefined;
}

describe('freshness', () => {
  /** Types in SpiceDB's alphabet, ids escaped: what objects are named by. */
  const types = fc.tuple(fc.constantFrom('task', 'tas', 'a/task'), fc.constantFrom('task', 'tas', 'a/task'));
  const names = fc.tuple(nearParts(1), types).map(([[[a = ''], [b = '']], [typeA, typeB]]) => [
    { type: typeA, id: escapeObjectId(a) ?? 'a' },
    { type: typeB, id: escapeObjectId(b) ?? 'b' },
  ]);
  const leafTypes = new Set(['task', 'tas', 'a/task']);

  test.each(['told by Watch', 'written here'])('a change %s is that of its own object alone', (how) => {
    fc.assert(
      fc.property(names, ([a, b]) => {
        if (a === undefined || b === undefined) return;
        let nowMs = 0;
        const freshness = createFreshness({ clock: { nowMs: () => nowMs } }, { floorTtlMs: 100, maxObjects: 10 });
        freshness.listener.followed({ token: 'start', leafTypes });
        // What is known of the start is forgotten.
        nowMs = 200;
        const moment = freshness.now() ?? 0;
        if (how === 'written here') freshness.beginWrite([a]).written('changed');
        else freshness.listener.changed([a], 'changed');
        const isOne = a.type === b.type && a.id === b.id;
        expect(freshness.floorOf([b])).toEqual(isOne ? { kind: 'at_least_as_fresh', token: 'changed' } : undefined);
        expect(freshness.holdsSince(b, moment)).toBe(!isOne);
      }),
      { numRuns: RUNS * 5 },
    );
  });
});
