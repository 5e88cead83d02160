import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { MemoryLimit } from './memory-limit.ts';
import { NODE_ENVIRONMENT } from './node-flags.ts';
import { waitUntil } from './wait-until.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 15_000;

/** A taskgate in a process of its own. */
export interface TaskgateProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** All of standard output and standard error so far. */
  stdout(): string;
  stderr(): string;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

export interface SpawnOptions {
  /** What is run, from the project's root. Default `src/main.ts`. */
  readonly main?: string;
  /** Options of Node's own. Default none. */
  readonly nodeFlags?: readonly string[];
  /** Told what the process sends over IPC. Default: there is no channel. */
  readonly onMessage?: (message: unknown) => void;
  /** What it may use. */
  readonly memoryLimit?: MemoryLimit | undefined;
}

/** Runs `node <main> …` with the environment and nothing of the machine's but PATH and HOME. */
export function spawnTaskgate(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { main = 'src/main.ts', nodeFlags = [], onMessage, memoryLimit }: SpawnOptions = {},
): TaskgateProcess {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  const command = [process.execPath, ...nodeFlags, join(ROOT, main), ...args];
  // It enters the group before there is anything to count.
  const entered = memoryLimit === undefined ? [] : ['sh', '-c', 'echo $$ >"$0" && exec "$@"', memoryLimit.processes];
  const [program = '', ...rest] = [...entered, ...command];
  const child = spawn(program, rest, {
    cwd: ROOT,
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...NODE_ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(onMessage === undefined ? [] : ['ipc' as const])],
  });
  if (onMessage !== undefined) child.on('message', onMessage);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, 'close').then(([code, signal]: unknown[]) =>
    typeof code === 'number' ? code : String(signal),
  );
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** What a run that ends on its own printed. */
export async function runTaskgate(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  await using run = spawnTaskgate(args, env);
  const exitCode = await run.exited;
  return { exitCode, stdout: run.stdout(), stderr: run.stderr() };
}

/** Waits for the log line that says where it listens. */
export async function listening(run: TaskgateProcess): Promise<{ grpc: string; http: string; admin: string }> {
  return waitUntil(
    () => {
      const line = run
        .stdout()
        .split('\n')
        .find((text) => text.includes('"msg":"listening"'));
      if (line !== undefined) return JSON.parse(line) as { grpc: string; http: string; admin: string };
      throw new Error(`${run.stdout()}${run.stderr()}`);
    },
    { what: 'listening', timeoutMs: START_TIMEOUT_MS },
  );
}
