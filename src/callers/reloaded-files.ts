import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReloadedFiles, ReloadObserver } from '../authorize/ports-callers.ts';

export interface ReloadDeps {
  /** The file's text. Rejects if it can't be read. */
  readonly readFile: (path: string) => Promise<string>;
  readonly observer: ReloadObserver;
}

export interface ReloadOptions<Value> {
  readonly files: ReloadedFiles;
  readonly paths: readonly string[];
  /** Makes the value of the files' texts, in the order of the paths. Throws if they can't be used. */
  readonly parse: (texts: readonly string[]) => Value;
  /** Milliseconds between two looks at the files. */
  readonly intervalMs: number;
}

/** A value that is made anew when its files change. */
export interface Reloaded<Value> extends AsyncDisposable {
  readonly current: () => Value;
  /** Calls the listener with each later value. */
  readonly onChange: (listener: (value: Value) => void) => void;
  /** Looks at the files now. Never rejects. */
  readonly refresh: () => Promise<void>;
}

/** A change is taken when the files have said the same for this long: half a file may look like a whole one. */
const SETTLE_MS = 100;
const MAX_SETTLE_READS = 20;

/**
 * Reads files, and again whenever their content has changed. Contents are compared, and not times or inodes: a mounted
 * Kubernetes Secret changes by swapping a link above the file. What can't be read or used is told to the observer once,
 * and what was there before stays.
 *
 * @throws Error if the files can't be read or used at first.
 */
export async function openReloaded<Value>(
  { readFile, observer }: ReloadDeps,
  { files, paths, parse, intervalMs }: ReloadOptions<Value>,
): Promise<Reloaded<Value>> {
  const read = async (): Promise<readonly string[]> => Promise.all(paths.map(readFile));
  const first = await read();
  let value = parse(first);
  let seen = fingerprint(first);
  const listeners: ((next: Value) => void)[] = [];
  const closing = new AbortController();
  const { signal } = closing;

  /** What the files say once they say the same twice; undefined if they don't come to rest. */
  async function readSettled(): Promise<readonly string[] | undefined> {
    let before = await read();
    for (let reads = 1; reads < MAX_SETTLE_READS && fingerprint(before) !== seen; reads += 1) {
      await delay(SETTLE_MS, undefined, { signal });
      const after = await read();
      if (fingerprint(after) === fingerprint(before)) return after;
      before = after;
    }
    return undefined;
  }

  async function look(): Promise<void> {
    let print: string | undefined;
    try {
      const texts = await readSettled();
      if (texts === undefined) return;
      print = fingerprint(texts);
      value = parse(texts);
      seen = print;
      for (const listener of listeners) listener(value);
      observer.reloaded(files);
    } catch (error) {
      if (signal.aborted) return;
      print ??= fingerprint([error instanceof Error ? error.message : String(error)]);
      if (print !== seen) observer.refused(files, error);
      seen = print;
    }
  }

  let looking: Promise<void> | undefined;
  const refresh = async (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = setInterval(() => void refresh(), intervalMs);
  return {
    current: () => value,
    onChange: (listener) => void listeners.push(listener),
    refresh,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      closing.abort();
      await looking;
    },
  };
}

/** Content, told apart without keeping it. */
function fingerprint(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex');
}
