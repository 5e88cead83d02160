import { readFileSync } from 'node:fs';

const KIB_PER_MIB = 1024;
const SAMPLE_MS = 20;

export interface MemoryWatch extends Disposable {
  /** The most anonymous memory that was seen, in MiB: what can't be given back, unlike the pages of files. */
  readonly peakMib: number;
}

/** Looks at a process's memory again and again. Allocations that last are seen; what comes and goes between may not be. */
export function watchMemory(pid: number): MemoryWatch {
  let peakMib = 0;
  const look = (): void => {
    peakMib = Math.max(peakMib, anonymousMib(pid));
  };
  look();
  const timer = setInterval(look, SAMPLE_MS);
  return {
    get peakMib() {
      look();
      return peakMib;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** 0 if the process is gone. */
function anonymousMib(pid: number): number {
  try {
    return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / KIB_PER_MIB;
  } catch {
    return 0;
  }
}
