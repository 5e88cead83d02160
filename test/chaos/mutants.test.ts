import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Mutation } from './mutants.ts';
import { MUTANT_NAMES, MUTANTS, mutate } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

test.each(MUTANT_NAMES)('the mutant %s changes the source as it is now', (name) => {
  const mutations: readonly Mutation[] = MUTANTS[name].mutations;
  for (const mutation of mutations) {
    const text = readFileSync(join(ROOT, mutation.file), 'utf8');
    expect(mutate(text, mutation)).not.toBe(text);
  }
});

test('a mutation of what is not there, or there twice, is a mistake', () => {
  const mutation = { file: 'some.ts', replaced: 'a && b', by: 'a' };
  expect(() => mutate('a || b', mutation)).toThrow('some.ts has not once: a && b');
  expect(() => mutate('a && b; a && b', mutation)).toThrow('some.ts has not once');
});
