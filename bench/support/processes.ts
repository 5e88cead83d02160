import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../test/support/node-flags.ts';
import { SERVER_CORE } from './cores.ts';

/** A program of ours that runs pinned to one core and says on its first line, in JSON, where it listens. */
export interface BenchProcess<Ready> extends AsyncDisposable {
  readonly ready: Ready;
  /** Resident memory in MiB. */
  rssMib(): Promise<number>;
  /** Asks a program that answers on its IPC channel. */
  ask(question: string): Promise<unknown>;
}

/** Starts `node <script>` on the core for servers. @throws Error if it ends before it is ready. */
export async function startPinned<Ready>(
  script: string,
  {
    env = {},
    isTuned = true,
  }: {
    readonly env?: Readonly<Record<string, string>>;
    /** With taskgate's flags and environment of Node, or with none. Default true. */
    readonly isTuned?: boolean;
  } = {},
): Promise<BenchProcess<Ready>> {
  const child = spawn('taskset', ['-c', `${SERVER_CORE}`, process.execPath, ...(isTuned ? NODE_FLAGS : []), script], {
    env: { ...process.env, ...(isTuned ? NODE_ENVIRONMENT : {}), ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ready = await firstLine(child);
  return {
    ready: JSON.parse(ready) as Ready,
    async rssMib() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    },
    async ask(question) {
      const answered = once(child, 'message');
      child.send(question);
      const [answer]: unknown[] = await answered;
      return answer;
    },
    async [Symbol.asyncDispose]() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no standard output');
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready`)));
    child.once('error', reject);
  });
}
