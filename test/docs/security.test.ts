import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
/** `` `path` "title" `` in the table of promises: the title is optional. */
const TEST = /`((?:test|bench)\/[\w./-]+)`(?: "([^"]+)")?/g;

const named = readText('SECURITY.md')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .flatMap((line) => [...line.matchAll(TEST)])
  .map(([, path = '', title]): readonly [string, string | undefined] => [path, title]);

describe('SECURITY.md', () => {
  it('names tests', () => {
    expect(named.length).toBeGreaterThan(20);
  });

  it.each(named)('names a test that is there: %s %s', (path, title) => {
    expect(existsSync(fileURLToPath(new URL(path, ROOT)))).toBe(true);
    if (title !== undefined) expect(readText(path)).toContain(title);
  });
});

function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}
