import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFileSink } from '../../src/telemetry/file-sink.ts';

async function useDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-log-'));
  onTestFinished(async () => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('puts a full file aside, keeps so many, and loses no line of those', async () => {
  const directory = await useDirectory();
  const path = join(directory, 'decisions.log');
  const sink = createFileSink({ path, maxBytes: 20, maxFiles: 3 });
  for (let index = 0; index < 10; index += 1) await sink.write([`line-${index}\n`, `next-${index}\n`]);
  await sink.close();
  expect((await readdir(directory)).toSorted()).toEqual(['decisions.log', 'decisions.log.1', 'decisions.log.2']);
  const texts = await Promise.all(['.2', '.1', ''].map(async (end) => readFile(`${path}${end}`, 'utf8')));
  expect(texts).toEqual(['line-7\nnext-7\n', 'line-8\nnext-8\n', 'line-9\nnext-9\n']);
  for (const text of texts) expect(text.length).toBeLessThanOrEqual(20);
});

test('goes on at the end of a file that is there, which nobody else may read', async () => {
  const path = join(await useDirectory(), 'decisions.log');
  const first = createFileSink({ path, maxBytes: 1_000, maxFiles: 2 });
  await first.write(['a\n']);
  await first.close();
  const second = createFileSink({ path, maxBytes: 1_000, maxFiles: 2 });
  await second.write(['b\n']);
  await second.close();
  expect(await readFile(path, 'utf8')).toBe('a\nb\n');
  expect((await stat(path)).mode & 0o007).toBe(0);
});

test('fails while it can not be written, and writes again when it can', async () => {
  const directory = await useDirectory();
  const path = join(directory, 'logs', 'decisions.log');
  const sink = createFileSink({ path, maxBytes: 1_000, maxFiles: 2 });
  await expect(sink.write(['lost\n'])).rejects.toThrow('ENOENT');
  await mkdir(join(directory, 'logs'));
  await sink.write(['kept\n']);
  await sink.close();
  expect(await readFile(path, 'utf8')).toBe('kept\n');
});

test('neither writes nor renames what is no regular file', async () => {
  const directory = await useDirectory();
  const link = join(directory, 'link');
  await symlink(join(directory, 'target'), link);
  for (const path of [directory, link]) {
    const before = await lstat(path);
    const sink = createFileSink({ path, maxBytes: 1, maxFiles: 2 });
    for (const line of ['a\n', 'b\n']) await expect(sink.write([line])).rejects.toThrow('no regular file');
    await sink.close();
    expect((await lstat(path)).ino).toBe(before.ino);
  }
  expect(await readdir(directory)).toEqual(['link']);
});

test('leaves alone what took the place of the file while it was written', async () => {
  const directory = await useDirectory();
  const path = join(directory, 'decisions.log');
  const sink = createFileSink({ path, maxBytes: 4, maxFiles: 2 });
  await sink.write(['a\n']);
  await rm(path);
  await mkdir(path);
  await expect(sink.write(['bcd\n'])).rejects.toThrow('no regular file');
  await sink.close();
  expect(await readdir(directory)).toEqual(['decisions.log']);
});
