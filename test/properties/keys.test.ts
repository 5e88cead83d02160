import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RelationshipCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import { OPERATIONS } from '../../src/domain/operation.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import { toParentKeyText, toRedisKey, toSignedKey } from '../../src/parents/parent-key.ts';
import { checkKey, consistencyKey, joinParts, kindKey, objectIdOf } from '../../src/relationships/check-key.ts';
import { escapeObjectId, sentinelObjectId, unescapeObjectId } from '../../src/relationships/object-id.ts';
import { toWriteRequest } from '../../src/relationships/spicedb-requests.ts';
import { toKeptKey } from '../../src/rollout/flag-keys.ts';
import { createCursorCodec } from '../../src/rpc/list-cursor.ts';
import { forgedParts, HOSTILE_PIECES, hostileText, nearParts } from '../support/hostile-text.ts';

const RUNS = 4_000;
type Build = (parts: readonly string[]) => unknown;

const at = (parts: readonly string[], index: number): string => parts[index] ?? '';
const isSame = (a: readonly string[], b: readonly string[]): boolean => a.every((part, index) => part === b[index]);

/** The first two rows of parts that share a key although they differ, or don't although they are the same. */
function findCollision(count: number, build: Build): unknown {
  const holds = ([a, b]: readonly [readonly string[], readonly string[]]): boolean =>
    (build(a) === build(b)) === isSame(a, b);
  const near = fc.check(fc.property(nearParts(count), holds), { numRuns: RUNS }).counterexample;
  return near ?? fc.check(fc.property(forgedParts(count, build), holds), { numRuns: 5 * RUNS }).counterexample;
}

const sealed = (parts: readonly string[], kind: 'user' | 'agent', operation: (typeof OPERATIONS)[number]): string =>
  createCursorCodec(['a secret of the tests']).seal(
    { snapshot: at(parts, 0), afterId: at(parts, 1) },
    { principal: { kind, id: at(parts, 2), account: at(parts, 3) }, operation },
  );
const checkOf = (parts: readonly string[]): RelationshipCheck => ({
  object: { kind: 'resource', type: at(parts, 0), id: at(parts, 1) },
  permission: at(parts, 2),
  principal: { kind: 'user', id: at(parts, 3), account: at(parts, 4) },
});

const BUILDERS: readonly (readonly [name: string, count: number, build: Build])[] = [
  ['a parent', 3, ([type = '', parentType = '', value = '']) => toParentKeyText({ type, parentType, value, by: 'id' })],
  ['an entry in Redis', 2, ([prefix = '', text = '']) => toSignedKey(prefix, toRedisKey(prefix, text))],
  ['a check of a resource', 5, (parts) => checkKey(checkOf(parts))],
  [
    'a check of a tenant',
    4,
    (parts) => checkKey({ ...checkOf(['', '', ...parts.slice(1)]), object: { kind: 'tenant', account: at(parts, 0) } }),
  ],
  [
    'a check of a sentinel',
    4,
    (parts) =>
      checkKey({
        ...checkOf(['', '', ...parts.slice(1)]),
        object: { kind: 'sentinel', type: at(parts, 0), index: 11 },
      }),
  ],
  ['a slot of a batch', 5, (parts) => JSON.stringify([kindKey(checkOf(parts)), objectIdOf(checkOf(parts))])],
  ['a kept flag', 1, (parts) => toKeptKey('fgac-task', { kind: 'user', account: at(parts, 0) })],
  ['a consistency', 1, (parts) => consistencyKey({ kind: 'at_least_as_fresh', token: at(parts, 0) })],
  ['a row of two parts', 2, joinParts],
  ['a row of seven parts', 7, joinParts],
  ['a cursor', 4, (parts) => sealed(parts, 'user', 'read')],
];

describe.each(BUILDERS)('the key of %s', (_, count, build) => {
  test('is the same exactly when every part is', () => {
    expect(findCollision(count, build)).toBeNull();
  });
});

/** What a key must not be made like. Were one of these not found, the tests above would show nothing. */
const MISTAKES: readonly (readonly [name: string, count: number, build: Build])[] = [
  ['joined by a colon', 3, (parts) => parts.join(':')],
  ['joined by NUL', 3, (parts) => parts.join('\0')],
  ['joined by a line feed', 3, (parts) => parts.join('\n')],
  ['only put together', 2, (parts) => parts.join('')],
  ['with lengths but no end of them', 2, (parts) => parts.map((part) => `${part.length}${part}`).join('')],
  ['with the length of the last only', 2, ([a = '', b = '']) => `${a}:${b.length}:${b}`],
  ['without the first length', 3, ([a = '', ...others]) => a + joinParts(others)],
  ['in one case', 2, (parts) => joinParts(parts.map((part) => part.toLowerCase()))],
  ['in NFC', 2, (parts) => joinParts(parts.map((part) => part.normalize()))],
  ['in NFKC', 2, (parts) => joinParts(parts.map((part) => part.normalize('NFKC')))],
  ['trimmed', 1, (parts) => joinParts(parts.map((part) => part.trim()))],
  ['cut off', 1, (parts) => joinParts(parts.map((part) => part.slice(0, 256)))],
  ['without the account', 5, (parts) => checkKey(checkOf(parts.slice(0, 4)))],
  ['of a Redis entry without its prefix', 2, (parts) => toRedisKey(at(parts, 0), at(parts, 1))],
  ['as a C string', 2, (parts) => joinParts(parts.map((part) => part.split('\0')[0] ?? ''))],
];

/** A look draws at random, and the hardest mistake is seen by most looks, not by all. */
const MAX_LOOKS = 20;

test.each(MISTAKES)('a key %s is found out', (_, count, build) => {
  let found: unknown = null;
  for (let look = 0; look < MAX_LOOKS && found === null; look += 1) found = findCollision(count, build);
  expect(found).not.toBeNull();
});

test('what is no text tells keys apart too: kinds, operations, an id from a name', () => {
  const [parts] = fc.sample(nearParts(5), 1)[0] ?? [[]];
  const owners = PRINCIPAL_KINDS.flatMap((kind) => OPERATIONS.map((operation) => ({ kind, operation })));
  const cursors = owners.map(({ kind, operation }) =>
    createCursorCodec(['secret']).seal(
      { snapshot: '', afterId: '' },
      { principal: { kind, id: 'a', account: 'a' }, operation },
    ),
  );
  expect(new Set(cursors).size).toBe(owners.length);
  const checks = PRINCIPAL_KINDS.map((kind) => ({
    ...checkOf(parts),
    principal: { ...checkOf(parts).principal, kind },
  }));
  expect(new Set(checks.map(checkKey)).size).toBe(checks.length);
  expect(new Set(checks.map(kindKey)).size).toBe(checks.length);
  const key = { type: 'task', parentType: 'task', value: 'v' };
  expect(toParentKeyText({ ...key, by: 'id' })).not.toBe(toParentKeyText({ ...key, by: 'name' }));
});

describe('an object id in SpiceDB', () => {
  test('is the same exactly when the id is, in its alphabet, and comes back', () => {
    fc.assert(
      fc.property(nearParts(1), ([[a = ''], [b = '']]) => {
        const [escaped, other] = [escapeObjectId(a), escapeObjectId(b)];
        if (escaped === undefined) return;
        expect(escaped === other).toBe(a === b);
        expect(escaped).toMatch(/^[a-zA-Z0-9/_|=+-]{1,1024}$/);
        expect(unescapeObjectId(escaped)).toBe(a);
        expect(escaped).not.toMatch(/^=sentinel/);
      }),
      { numRuns: RUNS },
    );
  });

  test('has one form: whatever else is read as an id is written as itself', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('=', '=4', '=41', '=2A', '=2a', '=00', '=C3', '=A9', '=s', 'A', '*', '%', 'é'), {
          maxLength: 6,
        }),
        (pieces) => {
          const id = unescapeObjectId(pieces.join(''));
          if (id !== undefined) expect(escapeObjectId(id)).toBe(pieces.join(''));
        },
      ),
      { numRuns: RUNS },
    );
  });

  test('of a sentinel is that of no id', () => {
    for (let index = 0; index < 2_000; index += 1) expect(unescapeObjectId(sentinelObjectId(index))).toBeUndefined();
  });
});

test('a write leaves out a relationship only if it is there already, whatever its ids are', () => {
  const relation = fc.constantFrom('owner', 'own', 'er');
  const type = fc.constantFrom('task', 'agent', 'task/agent');
  const object = (name: string, id: string): RelationshipObject => ({ kind: 'resource', type: name, id });
  fc.assert(
    fc.property(nearParts(2), fc.tuple(relation, relation), fc.tuple(type, type), ([a, b], relations, types) => {
      fc.pre([...a, ...b].every((id) => escapeObjectId(id) !== undefined));
      const relationships = [a, b].map(([id = '', subject = ''], index) => ({
        object: object(types[index] ?? 'task', id),
        relation: relations[index] ?? 'owner',
        subject: { kind: 'object' as const, object: object('agent', subject) },
      }));
      const isOne = isSame(a, b) && relations[0] === relations[1] && types[0] === types[1];
      expect(toWriteRequest({ touch: relationships }).updates).toHaveLength(isOne ? 1 : 2);
    }),
    { numRuns: RUNS },
  );
});

test('the texts attack what they are made to attack', () => {
  const seen = fc.sample(hostileText, 3_000).join('');
  for (const piece of HOSTILE_PIECES) expect(seen).toContain(piece);
});
