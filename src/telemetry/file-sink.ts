import type { FileHandle } from 'node:fs/promises';
import { lstat, open, rename, rm, stat } from 'node:fs/promises';
import type { LineSink } from './line-buffer.ts';

export interface FileSinkOptions {
  readonly path: string;
  /** A file that would grow above this is put aside, as `path.1`. */
  readonly maxBytes: number;
  /** Files that are kept, the one that is written included. */
  readonly maxFiles: number;
}

/** Whoever may read the log: its owner and its group. */
const FILE_MODE = 0o640;

/**
 * Appends lines to a file, which is rotated by size. It is opened when it is first written. What is there and is no regular
 * file is neither written nor renamed: each write of lines fails.
 */
export function createFileSink({ path, maxBytes, maxFiles }: FileSinkOptions): LineSink {
  let file: FileHandle | undefined;
  let size = 0;

  async function openFile(): Promise<FileHandle> {
    await assertRegularFile(path);
    const opened = await open(path, 'a', FILE_MODE);
    ({ size } = await opened.stat());
    return opened;
  }
  async function closeFile(): Promise<void> {
    const closing = file;
    file = undefined;
    await closing?.close();
  }
  async function rotate(): Promise<void> {
    await closeFile();
    await assertRegularFile(path);
    const nameOf = (index: number): string => (index === 0 ? path : `${path}.${index}`);
    await rm(nameOf(maxFiles - 1), { force: true });
    for (let index = maxFiles - 2; index >= 0; index -= 1) {
      if (await exists(nameOf(index))) await rename(nameOf(index), nameOf(index + 1));
    }
  }

  return {
    async write(lines) {
      const bytes = Buffer.from(lines.join(''));
      file ??= await openFile();
      if (size > 0 && size + bytes.length > maxBytes) {
        await rotate();
        file = await openFile();
      }
      try {
        await file.appendFile(bytes);
        size += bytes.length;
      } catch (error) {
        // A disk that was full, or a directory that came back: the next lines get a new file.
        await closeFile().catch(() => undefined);
        throw error;
      }
    },
    close: closeFile,
  };
}

/** Whatever else has the name (a device, a pipe, a link to one) is not ours to rename. */
async function assertRegularFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile()) throw new Error('the decision log is no regular file');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
