import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../src/config/load-config.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { createSettingsSchema } from '../../src/config/settings-schema.ts';
import { REQUIRED_ENV, toDeps } from './support.ts';

/** Every word of the configuration, and some that trip up programs. */
const words = new Set(['task', 'message', 'tenant', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '0']);
for (const match of JSON.stringify(
  z.toJSONSchema(createSettingsSchema(), { io: 'input', unrepresentable: 'any' }),
).matchAll(/"([a-z_]+)":/g)) {
  words.add(match[1] ?? '');
}

const word = fc.constantFrom(...words);
const leaf = fc.oneof(
  word,
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(
    null,
    '${HOME}',
    '${NOT_SET}',
    '***',
    'localhost:1',
    'redis://h',
    'postgres://h',
    'task.read',
    '0660',
  ),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 6, withCrossShrink: true }, leaf, fc.array(tie('tree'), { maxLength: 4 }), tie('mapping')),
  mapping: fc
    .array(fc.tuple(fc.oneof({ arbitrary: word, weight: 9 }, { arbitrary: fc.string(), weight: 1 }), tie('tree')), {
      maxLength: 8,
    })
    .map((entries) => Object.fromEntries(entries)),
}));

/** A mapping in the shape of the configuration, so that most runs reach the checks across keys. */
const plausible = fc.dictionary(fc.constantFrom(...Object.keys(createSettingsSchema().shape)), tree, {
  maxKeys: 6,
  noNullPrototype: true,
});

function loadText(yaml: string): ReturnType<typeof loadConfig> {
  return loadConfig(toDeps({ yaml, env: { ...REQUIRED_ENV, TASKGATE_CONFIG: '/etc/taskgate.yaml', HOME: 'home' } }), {
    mode: 'serve',
  });
}

function expectAnswer(yaml: string): void {
  const loaded = loadText(yaml);
  if (loaded.kind === 'valid') {
    expect(typeof renderConfig(loaded.config)).toBe('string');
    return;
  }
  expect(loaded.problems.length).toBeGreaterThan(0);
  for (const { path, message } of loaded.problems) {
    expect(path).not.toBe('');
    expect(message).not.toMatch(/undefined|\[object|NaN|^$/);
  }
}

test('answers valid or invalid to any tree', () => {
  fc.assert(
    fc.property(fc.oneof(tree, plausible), (value) => {
      expectAnswer(stringify(value, { aliasDuplicateObjects: false }));
    }),
    { numRuns: 2000 },
  );
});

test('answers valid or invalid to any text', () => {
  const fragment = fc.oneof(
    word,
    fc.constantFrom(
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      '&a',
      '*a',
      '!x',
      '#',
      '|',
      '>',
      '---',
      '%',
      '\t',
      '? ',
      '<<',
    ),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      expectAnswer(fragments.join(''));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['deep lists', '['.repeat(3000)],
  ['deep mappings', '{a: '.repeat(3000)],
  ['an alias of itself', 'a: &a [*a, *a]'],
  ['a billion laughs', 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]'],
  ['a binary', 'log: { level: !!binary aGk= }'],
  ['a set', 'types: !!set { a, b }'],
  ['a number as a key', 'types: { 1: { registered: true } }'],
  ['a list as a key', '? [a]\n: b'],
])('answers invalid to %s', (_name, yaml) => {
  expect(loadText(yaml).kind).toBe('invalid');
});

test('answers invalid to anything that reading the file throws', () => {
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      const readFile = (): string => {
        // oxlint-disable-next-line typescript/only-throw-error -- what is under test
        throw thrown;
      };
      expect(loadConfig({ env: { TASKGATE_CONFIG: 'x' }, readFile }, { mode: 'demo' }).kind).toBe('invalid');
    }),
  );
});

test('never takes a prototype for a key', () => {
  for (const yaml of ['__proto__: { log: { level: trace } }', 'types: { __proto__: { registered: true } }']) {
    expect(loadText(yaml).kind).toBe('invalid');
  }
  expect(Object.hasOwn(Object.prototype, 'log')).toBe(false);
});
