import { expect, test } from 'vitest';
import { findLeafTypes } from '../../src/relationships/leaf-types.ts';
import { loadSchema } from '../support/spicedb.ts';

test('the deployed schema has leaves that nothing else depends on, and shared objects', () => {
  expect([...(findLeafTypes(loadSchema()) ?? [])].toSorted()).toEqual(['api_key', 'schedule', 'task']);
});

test.each([
  ['a type that is a subject of its own kind', 'definition task {\n relation parent: task\n}', []],
  ['a subject with a relation', 'definition team {\n relation member: team#member\n}\ndefinition doc {\n}', ['doc']],
  [
    'a wildcard with a caveat',
    'definition usr {\n}\ndefinition doc {\n relation any: usr:* with some_caveat\n}',
    ['doc'],
  ],
  [
    'subjects over several lines',
    'definition aaa {}\ndefinition bbb {}\ndefinition doc {\n relation x: aaa |\n  bbb\n permission p = x\n}',
    ['doc'],
  ],
  [
    'a comment between',
    'definition aaa {}\ndefinition doc {\n relation x: /* not bbb */ aaa // nor ccc\n}\ndefinition bbb {}',
    ['bbb', 'doc'],
  ],
  ['a type with a prefix', 'definition app/usr {}\ndefinition app/doc {\n relation x: app/usr\n}', ['app/doc']],
])('%s', (_, schema, expected) => {
  expect([...(findLeafTypes(schema) ?? [])].toSorted()).toEqual(expected);
});

test('keeps no answers where relationships expire', () => {
  expect(
    findLeafTypes('use expiration\ndefinition usr {}\ndefinition doc {\n relation x: usr with expiration\n}'),
  ).toBeUndefined();
});
