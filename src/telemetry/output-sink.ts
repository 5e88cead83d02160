import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LineSink } from './line-buffer.ts';

/** While a reader takes nothing, it is asked again after each of these. */
const RETRY_MS = 20;

/**
 * Writes lines to an output of this process, 1 or 2. Node writes to a pipe there in a way that stops the process until the
 * reader has read; and what is not to stop may not have a thread wait for it either, since an exit waits for the thread.
 * So a pipe is opened once more, as one that says when it is full: what is set on the other stays as it is.
 */
export function createOutputSink(fd: number): LineSink {
  const { output, isOwn } = openOutput(fd);
  let isClosed = false;
  return {
    async write(lines) {
      const bytes = Buffer.from(lines.join(''));
      let at = 0;
      while (at < bytes.length) {
        if (isClosed) throw new Error('the output was not read in time');
        const written = tryWrite(output, bytes.subarray(at));
        if (written === 'full') await delay(RETRY_MS, undefined, { ref: false });
        else at += written;
      }
    },
    async close() {
      isClosed = true;
      if (isOwn) closeSync(output);
    },
  };
}

function openOutput(fd: number): { readonly output: number; readonly isOwn: boolean } {
  try {
    if (fstatSync(fd).isFIFO()) {
      return { output: openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), isOwn: true };
    }
  } catch {
    // No /proc, or no pipe that may be opened again.
  }
  return { output: fd, isOwn: false };
}

function tryWrite(fd: number, bytes: Buffer): number | 'full' {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 'full';
    throw error;
  }
}
