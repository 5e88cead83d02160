import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadReference } from '../../scripts/config-reference/load-reference.ts';
import { readMeanings } from '../../scripts/config-reference/meanings.ts';
import { listSettings } from '../../scripts/config-reference/settings.ts';
import { createSettingsSchema } from '../../src/config/settings-schema.ts';

const WRITTEN = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
/** Said for all of them together. */
const SAID_ABOVE = /^(?:consistency|types)\.|\[\]\./;

it('docs/configuration.md is what the schema and deploy/taskgate.yaml say; else: npm run docs:config', async () => {
  expect(WRITTEN).toBe(await loadReference());
});

it('every setting says what it takes and what it means', async () => {
  const rows = [
    ...WRITTEN.matchAll(/^\| `(?<path>[^`]+)` \| (?<rule>.*?) \| (?<fallback>.*?) \| (?<meaning>.*) \|$/gm),
  ];
  const paths = rows.map(({ groups }) => groups?.['path'] ?? '');
  expect(paths).toEqual(listSettings(createSettingsSchema()).map(({ path }) => path));
  const silent = rows.filter(
    ({ groups }) => groups?.['rule'] === '' || (groups?.['meaning'] === '' && !SAID_ABOVE.test(groups['path'] ?? '')),
  );
  expect(silent.map(({ groups }) => groups?.['path'])).toEqual([]);
});

it('takes rules and defaults from a schema, and refuses a setting that does not say what it takes', () => {
  const schema = z.object({
    a: z.object({ b_ms: z.number('must be a number').default(5) }).prefault({}),
    c: z.array(z.object({ d: z.string('must be text') }), 'must be a list'),
  });
  expect(listSettings(schema)).toEqual([
    { path: 'a.b_ms', rule: 'a number', fallback: 5 },
    { path: 'c', rule: 'a list', fallback: undefined },
    { path: 'c[].d', rule: 'text', fallback: undefined },
  ]);
  expect(() => listSettings(z.object({ e: z.number() }))).toThrow(/does not say/);
});

it('takes meanings from comments beside a key, above it and behind a #', () => {
  const yaml = `# About a.
a:
  b: 1 # 0..2; the second
  # The third: it has
  # two lines.
  #c: x
  # d: # the fourth
  #   e: 1 # 0.5..2 of it
#f:
  #g:
    #- h: 1 # the eighth
      #i: 2 # the ninth
`;
  const { sections, settings } = readMeanings(yaml);
  expect(Object.fromEntries(sections)).toMatchObject({ a: 'About a.' });
  expect(Object.fromEntries(settings)).toEqual({
    'a.b': 'the second',
    'a.c': 'The third: it has two lines.',
    'a.d': 'the fourth',
    'a.d.e': 'of it',
    'f.g[].h': 'the eighth',
    'f.g[].i': 'the ninth',
  });
});
