import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RelationshipCheck, RelationshipObject } from '../../src/authorize/ports.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import { askedKey, checkKey, consistencyKey, isAlike, kindKey, objectIdOf } from '../../src/relationships/check-key.ts';
import { taskCheck } from '../support/spicedb.ts';

/** Few values, and those that a delimiter could be made of, so that keys that can collide do. */
const part = fc.oneof(
  fc.constantFrom('', '1', ':', '1:', '1:1', '4:read', 'task', 'resource', 'tenant', 'sentinel', 'user', '7'),
  fc.string({ unit: fc.constantFrom('1', '2', ':', 'a'), maxLength: 4 }),
);
const object: fc.Arbitrary<RelationshipObject> = fc.oneof(
  fc.record({ kind: fc.constant('resource'), type: part, id: part }),
  fc.record({ kind: fc.constant('tenant'), account: part }),
  fc.record({ kind: fc.constant('sentinel'), type: part, index: fc.nat({ max: 11 }) }),
);
const check: fc.Arbitrary<RelationshipCheck> = fc.record({
  object,
  permission: part,
  principal: fc.record({ kind: fc.constantFrom(...PRINCIPAL_KINDS), id: part, account: part }),
});
const consistency: fc.Arbitrary<Consistency> = fc.oneof(
  fc.constantFrom<Consistency>({ kind: 'minimize_latency' }, { kind: 'fully_consistent' }),
  fc.record({ kind: fc.constant('at_least_as_fresh'), token: part }),
);

test('has the shape that it has', () => {
  expect(checkKey(taskCheck('task-1'))).toBe('8:resource4:task6:task-14:read4:user5:alice4:acme');
  expect(consistencyKey({ kind: 'at_least_as_fresh', token: 'abc' })).toBe('17:at_least_as_fresh3:abc');
});

test('is the same exactly when the check is', () => {
  fc.assert(
    fc.property(fc.array(check, { minLength: 2, maxLength: 30 }), (checks) => {
      const keys = new Set(checks.map(checkKey));
      expect(keys.size).toBe(new Set(checks.map(canonical)).size);
    }),
    { numRuns: 500 },
  );
});

test('is in two parts, of which neighbours share the first', () => {
  fc.assert(
    fc.property(check, check, fc.boolean(), (a, other, isNeighbour) => {
      const b = isNeighbour ? { ...a, object: other.object } : other;
      const isSame = kindKey(a) === kindKey(b) && objectIdOf(a) === objectIdOf(b);
      expect(isSame).toBe(checkKey(a) === checkKey(b));
      if (isAlike(a, b)) expect(kindKey(a)).toBe(kindKey(b));
    }),
    { numRuns: 1_000 },
  );
  expect(isAlike(...neighbours('task', 'task'))).toBe(true);
  expect(isAlike(...neighbours('task', 'agent'))).toBe(false);
});

test('what is absent has one key, whichever sentinel stands in for it, and not that of what is there', () => {
  const asked = {
    permission: 'read',
    principal: { kind: 'user', id: 'u', account: 'a' },
    askedAs: 'message:id:1',
  } as const;
  const onSentinel = (index: number) => askedKey({ ...asked, object: { kind: 'sentinel', type: 'task', index } });
  expect(onSentinel(3)).toBe(onSentinel(7));
  expect(onSentinel(3)).not.toBe(askedKey({ ...asked, object: { kind: 'resource', type: 'task', id: '0' } }));
  expect(onSentinel(3)).not.toBe(
    askedKey({ ...asked, askedAs: 'message:id:2', object: { kind: 'sentinel', type: 'task', index: 3 } }),
  );
});

test('tells a sentinel from the resource whose id is its number', () => {
  const resource = taskCheck('7');
  const sentinel: RelationshipCheck = { ...resource, object: { kind: 'sentinel', type: 'task', index: 7 } };
  expect(kindKey(sentinel)).toBe(kindKey(resource));
  expect(isAlike(sentinel, resource)).toBe(true);
  expect(objectIdOf(sentinel)).not.toBe(objectIdOf(resource));
  expect(checkKey(sentinel)).not.toBe(checkKey(resource));
});

test('is the same exactly when the consistency is', () => {
  fc.assert(
    fc.property(fc.array(consistency, { minLength: 2, maxLength: 30 }), (asked) => {
      const keys = new Set(asked.map(consistencyKey));
      expect(keys.size).toBe(new Set(asked.map(canonical)).size);
    }),
  );
});

test('is not a prefix of the key of another check', () => {
  fc.assert(
    fc.property(check, check, (a, b) => {
      fc.pre(canonical(a) !== canonical(b));
      expect(checkKey(a).startsWith(checkKey(b))).toBe(false);
    }),
  );
});

function neighbours(...types: [string, string]): [RelationshipCheck, RelationshipCheck] {
  const { permission, principal } = taskCheck('task-1');
  const [a, b] = types.map((type) => ({ object: { kind: 'resource', type, id: 'x' } as const, permission, principal }));
  if (a === undefined || b === undefined) throw new Error('two types make two checks');
  return [a, b];
}

function sortFields(fields: object): object {
  return Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** An oracle that shares nothing with the keys: JSON with its fields in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'object' && field !== null ? sortFields(field) : field,
  );
}
