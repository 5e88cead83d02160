import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LOAD_CORE } from './cores.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../open-loop.ts', import.meta.url));

export interface OpenLoopOptions {
  readonly target: string;
  readonly path: string;
  /** A file that holds one framed gRPC message. */
  readonly bodyFile: string;
  /** Calls a second. */
  readonly perSecond: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly connections: number;
  /** Of the arrivals. */
  readonly seed: number;
  /** Leaves its core to others between two calls. */
  readonly sleeps: boolean;
}

export interface OpenLoopResult {
  /** A call without an answer took forever. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly measured: number;
  /** Calls without an answer, warm-up included. */
  readonly failed: number;
  /** How late the load generator itself was. */
  readonly latenessP99Ms: number;
}

const DEFAULTS = { warmUpMs: 500, durationMs: 3_000, connections: 4, seed: 1, sleeps: false };

/** Makes the same gRPC call at a rate, from the load core. @throws Error if hardly any is answered. */
export async function runOpenLoop(
  options: Pick<OpenLoopOptions, 'target' | 'path' | 'bodyFile' | 'perSecond'> & Partial<OpenLoopOptions>,
): Promise<OpenLoopResult> {
  const argument = JSON.stringify({ ...DEFAULTS, ...options });
  const { stdout } = await run('taskset', ['-c', `${LOAD_CORE}`, process.execPath, SCRIPT, argument]);
  const result = JSON.parse(stdout, (_key, value: unknown) => value ?? Infinity) as OpenLoopResult;
  if (result.failed > result.measured / 2) throw new Error(`load: ${result.failed} calls were not answered`);
  return result;
}
