import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { createSettingsSchema } from '../../src/config/settings-schema.ts';
import { listSettings } from '../../scripts/config-reference/settings.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');
const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'));
const settings = listSettings(createSettingsSchema()).map(({ path }) => path);
const sections = new Set(settings.map((path) => path.split(/[.[]/, 1)[0]));

describe.each(pages)('docs/%s', (page) => {
  const text = readFileSync(join(DOCS, page), 'utf8');
  const codeSpans = [...text.matchAll(/`(?<code>[^`\n]+)`/g)].map(({ groups }) => groups?.['code'] ?? '');

  it('links to what there is', () => {
    const links = [...text.matchAll(/\]\((?<to>[^)#]+)(?:#[^)]*)?\)/g)].map(({ groups }) => groups?.['to'] ?? '');
    expect(links.filter((to) => !existsSync(join(DOCS, to)))).toEqual([]);
  });

  it('names commands that there are', () => {
    const lines = [...text.matchAll(/^\s*(?:until )?taskgate (?<args>[a-z][^>&;#\n]*)/gm)].map(
      ({ groups }) => groups?.['args'] ?? '',
    );
    const spans = codeSpans
      .filter((code) => /^taskgate [a-z]/.test(code))
      .map((code) => code.slice('taskgate '.length));
    for (const args of [...lines, ...spans]) {
      const words = args.replace(/ 2$/, '').trim().split(/\s+/);
      expect([args, parseCommand(words)]).toMatchObject([args, { kind: 'command' }]);
    }
  });

  it('names settings that there are', () => {
    const named = codeSpans.filter(
      (code) => /^[a-z_]+(?:\.[a-z_<>]+)+$/.test(code) && sections.has(code.split('.', 1)[0] ?? ''),
    );
    const isSetting = (code: string) => {
      const path = code.replace('<type>', '<name>');
      return settings.some((setting) => setting === path || setting.startsWith(`${path}.`));
    };
    expect(named.filter((code) => !/\.(?:ya?ml|md)$/.test(code) && !isSetting(code))).toEqual([]);
  });

  it('has YAML that can be read', () => {
    const blocks = [...text.matchAll(/^```yaml\n(?<yaml>[\s\S]*?)^```/gm)].map(({ groups }) => groups?.['yaml'] ?? '');
    for (const yaml of blocks) expect(() => parse(yaml) as unknown).not.toThrow();
  });
});

it('docs/README.md lists every page', () => {
  const index = readFileSync(join(DOCS, 'README.md'), 'utf8');
  expect(pages.filter((page) => page !== 'README.md' && !index.includes(`](${page})`))).toEqual([]);
});
