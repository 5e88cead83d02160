import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A control group with a memory limit, for a process that is started in it. */
export interface MemoryLimit extends Disposable {
  /** A file that takes the id of a process, which is limited from then on. */
  readonly processes: string;
  /** The most that was in use, in bytes: page cache and kernel memory included. */
  peakBytes(): number;
  /** How often the limit was run into without anything left to give back: then the kernel kills. */
  kills(): number;
}

const CGROUPS = '/sys/fs/cgroup';
let count = 0;

/** Makes one with cgroup v1 or v2. Undefined where that is not allowed, as in most containers. */
export function createMemoryLimit(bytes: number): MemoryLimit | undefined {
  const name = `taskgate-test-${process.pid}-${count++}`;
  try {
    if (existsSync(join(CGROUPS, 'memory/memory.limit_in_bytes'))) {
      const files = { limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes', events: 'memory.oom_control' };
      return open(join(CGROUPS, 'memory', name), files, bytes);
    }
    const files = { limit: 'memory.max', peak: 'memory.peak', events: 'memory.events' };
    return open(join(CGROUPS, name), files, bytes);
  } catch {
    return undefined;
  }
}

function open(
  directory: string,
  files: { readonly limit: string; readonly peak: string; readonly events: string },
  bytes: number,
): MemoryLimit {
  mkdirSync(directory);
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  try {
    writeFileSync(join(directory, files.limit), `${bytes}`);
  } catch (error) {
    rmdirSync(directory);
    throw error;
  }
  return {
    processes: join(directory, 'cgroup.procs'),
    peakBytes: () => Number(read(files.peak)),
    kills: () => Number(/oom_kill (\d+)/.exec(read(files.events))?.[1] ?? 0),
    [Symbol.dispose]: () => rmdirSync(directory),
  };
}
