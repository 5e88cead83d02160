import { within } from '../domain/within.ts';

/** Takes lines, in order and one call at a time. */
export interface LineSink {
  /** Resolves when the lines are taken. Rejects if they are lost; the next ones are tried all the same. */
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Told what becomes of lines. Never throws and never waits. */
export interface LineObserver {
  written(lines: number): void;
  /** `full`: the sink is slower than what comes; `failed`: it refused them; `closed`: the time at exit was not enough. */
  dropped(reason: 'full' | 'failed' | 'closed', lines: number, error?: unknown): void;
}

export interface LineBufferOptions {
  /** Bytes (of UTF-16 text: characters) that wait; a line that comes on top is dropped. */
  readonly maxBytes: number;
  /** Lines given to the sink at once. Default 500. */
  readonly maxBatchLines?: number;
}

export interface LineBuffer {
  /** True if there is room: whoever makes lines need not make one that would be dropped. */
  hasRoom(): boolean;
  /** Never throws and never waits. */
  write(line: string): void;
  /** A line was not even made, since there was no room. */
  drop(): void;
  bufferedBytes(): number;
  /** Gives the sink this long to take what waits, and closes it. */
  close(withinMs: number): Promise<void>;
}

/**
 * Between those who write lines and a sink that may be slow, stopped or gone: nobody ever waits for it. What it does not
 * take in time is dropped and counted, newest first, so that what is there is without a gap until then.
 */
export function createLineBuffer(
  { sink, observer }: { readonly sink: LineSink; readonly observer: LineObserver },
  { maxBytes, maxBatchLines = 500 }: LineBufferOptions,
): LineBuffer {
  let waiting: string[] = [];
  let bytes = 0;
  let pumping: Promise<void> | undefined;
  let isClosed = false;

  const hasRoom = (): boolean => !isClosed && bytes < maxBytes;
  async function pump(): Promise<void> {
    // Lines of one turn go together.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    // What waits is taken away when the buffer is closed.
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatchLines);
      waiting = waiting.slice(maxBatchLines);
      try {
        await sink.write(batch);
        observer.written(batch.length);
      } catch (error) {
        observer.dropped('failed', batch.length, error);
      }
      bytes -= batch.reduce((sum, line) => sum + line.length, 0);
    }
    pumping = undefined;
  }

  return {
    hasRoom,
    bufferedBytes: () => bytes,
    drop: () => observer.dropped(isClosed ? 'closed' : 'full', 1),
    write(line) {
      if (!hasRoom()) {
        observer.dropped(isClosed ? 'closed' : 'full', 1);
        return;
      }
      waiting.push(line);
      bytes += line.length;
      pumping ??= pump();
    },
    async close(withinMs) {
      const startedAtMs = performance.now();
      if (pumping !== undefined) await within(withinMs, pumping);
      isClosed = true;
      if (waiting.length > 0) observer.dropped('closed', waiting.length);
      waiting = [];
      await within(Math.max(1, withinMs - (performance.now() - startedAtMs)), sink.close());
    },
  };
}
