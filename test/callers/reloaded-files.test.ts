import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reloaded } from '../../src/callers/reloaded-files.ts';
import { openReloaded } from '../../src/callers/reloaded-files.ts';
import type { TestDirectory } from '../support/files.ts';
import { createTestDirectory } from '../support/files.ts';
import { waitUntil } from '../support/wait-until.ts';

const NEVER_MS = 3_600_000;

let directory: TestDirectory;
let events: string[];
beforeEach(async () => {
  directory = await createTestDirectory();
  events = [];
});
afterEach(async () => directory[Symbol.asyncDispose]());

/** A value of what the files say, joined; a text with `bad` in it can't be used. */
async function open(paths: readonly string[], intervalMs = NEVER_MS): Promise<Reloaded<string>> {
  return openReloaded(
    {
      readFile: async (path) => readFile(path, 'utf8'),
      observer: {
        reloaded: (files) => events.push(`${files} reloaded`),
        refused: (files, error) => events.push(`${files} refused: ${error instanceof Error ? error.message : ''}`),
      },
    },
    {
      files: 'tokens',
      paths,
      intervalMs,
      parse(texts) {
        if (texts.some((text) => text.includes('bad'))) throw new Error('can not be used');
        return texts.join('+');
      },
    },
  );
}

describe('reloaded files', () => {
  it('are read at first, or there is nothing to begin with', async () => {
    await using value = await open([await directory.write('a', '1'), await directory.write('b', '2')]);
    expect(value.current()).toBe('1+2');
    await expect(open([directory.path('none')])).rejects.toThrow('ENOENT');
    await expect(open([await directory.write('c', 'bad')])).rejects.toThrow('can not be used');
  });

  it('are taken when they change, and only then', async () => {
    const path = await directory.write('a', '1');
    await using value = await open([path]);
    const told: string[] = [];
    value.onChange((next) => told.push(next));
    await value.refresh();
    await writeFile(path, '1');
    await value.refresh();
    expect([value.current(), events, told]).toEqual(['1', [], []]);
    await writeFile(path, '2');
    await value.refresh();
    expect([value.current(), events, told]).toEqual(['2', ['tokens reloaded'], ['2']]);
  });

  it('are looked at on their own', async () => {
    const path = await directory.write('a', '1');
    await using value = await open([path], 10);
    await writeFile(path, '2');
    await waitUntil(() => (value.current() === '2' ? true : undefined), { what: 'a reload', timeoutMs: 10_000 });
    expect(value.current()).toBe('2');
  });

  it('are found behind a link that is swapped, as a mounted Secret is', async () => {
    for (const version of ['v1', 'v2']) {
      await mkdir(directory.path(version));
      await directory.write(`${version}/tokens`, version);
    }
    await symlink('v1', directory.path('..data'));
    await symlink('..data/tokens', directory.path('tokens'));
    await using value = await open([directory.path('tokens')]);
    expect(value.current()).toBe('v1');
    await symlink('v2', directory.path('..data_tmp'));
    await rename(directory.path('..data_tmp'), directory.path('..data'));
    await value.refresh();
    expect(value.current()).toBe('v2');
  });

  it('stay what they were while they are gone or can not be used, which is told once', async () => {
    const path = await directory.write('a', '1');
    await using value = await open([path]);
    await rm(path);
    await value.refresh();
    await value.refresh();
    await writeFile(path, 'bad');
    await value.refresh();
    await value.refresh();
    expect(value.current()).toBe('1');
    expect(events).toEqual([expect.stringContaining('ENOENT'), 'tokens refused: can not be used']);
    await writeFile(path, '2');
    await value.refresh();
    expect([value.current(), events.at(-1)]).toEqual(['2', 'tokens reloaded']);
  });

  it('are not taken in the middle of being written', async () => {
    const path = await directory.write('a', '1');
    const texts = ['1', 'half', 'half of', 'whole', 'whole'];
    await using value = await openReloaded(
      {
        readFile: async () => texts.shift() ?? 'whole',
        observer: { reloaded: () => events.push('reloaded'), refused() {} },
      },
      { files: 'tokens', paths: [path], intervalMs: NEVER_MS, parse: ([text = '']) => text },
    );
    const seen: string[] = [];
    value.onChange((next) => seen.push(next));
    await value.refresh();
    expect([seen, events]).toEqual([['whole'], ['reloaded']]);
  });

  it('are left alone once they are closed, also in the middle of a look', async () => {
    const path = await directory.write('a', '1');
    const value = await open([path]);
    await writeFile(path, '2');
    const looking = value.refresh();
    await value[Symbol.asyncDispose]();
    await looking;
    expect([value.current(), events]).toEqual(['1', []]);
  });
});
