import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createSharedInput } from './shared-input.ts';
import type { FuzzNews, FuzzOrder } from './worker.ts';

export interface FuzzOptions {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** Milliseconds that one input may take. Default 2,000: a machine that is busy is no hang. */
  readonly hangMs?: number;
}

/** An input that nobody may send. */
export interface Finding {
  readonly kind: 'crash' | 'hang';
  readonly input: Uint8Array;
  readonly error: string;
}

export interface FuzzResult {
  readonly executions: number;
  /** Different outcomes that were seen. */
  readonly stories: number;
  readonly findings: readonly Finding[];
  /** What made an outcome that nothing in the corpus makes. */
  readonly found: readonly Uint8Array[];
}

const POLL_MS = 50;
/** Loading the modules on a busy machine. */
const START_MS = 60_000;

/**
 * Fuzzes one target in a thread of its own, which is ended when an input hangs.
 *
 * @throws Error if the thread did not get as far as an input.
 */
export async function fuzzTarget(options: FuzzOptions): Promise<FuzzResult> {
  const { target, seed, milliseconds, hangMs = 2_000 } = options;
  const shared = createSharedInput();
  const order: FuzzOrder = { target, seed, milliseconds, shared: shared.buffer };
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: order });
  const findings: Finding[] = [];
  const found: Uint8Array[] = [];
  const state: {
    hasEnded: boolean;
    startError?: Error;
    result?: { readonly executions: number; readonly stories: number };
  } = { hasEnded: false };
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      state.hasEnded = true;
      resolve();
    });
  });
  worker.on('message', (news: FuzzNews) => {
    if (news.kind === 'done') state.result = news;
    else if (news.kind === 'crash') findings.push(news);
    else found.push(news.input);
  });
  worker.on('error', (error) => {
    if (shared.sequence() === 0) state.startError = error;
    else findings.push({ kind: 'crash', input: shared.current(), error: error.stack ?? error.message });
  });
  let sequence = 0;
  let changedAtMs = Date.now();
  while (!state.hasEnded && state.result === undefined) {
    await Promise.race([delay(POLL_MS), exited]);
    if (shared.sequence() !== sequence) {
      sequence = shared.sequence();
      changedAtMs = Date.now();
    } else if (Date.now() - changedAtMs > (sequence === 0 ? START_MS : hangMs)) {
      findings.push({ kind: 'hang', input: shared.current(), error: `no answer within ${hangMs} ms` });
      break;
    }
  }
  // A thread that has nothing left to wait for, an answer that never comes included, ends by itself.
  const { hasEnded, result, startError } = state;
  if (startError !== undefined) throw new Error(`${target} did not start`, { cause: startError });
  if (hasEnded && result === undefined && findings.length === 0) {
    findings.push({ kind: 'hang', input: shared.current(), error: 'no answer: the thread ended without one' });
  }
  await worker.terminate();
  await exited;
  return { executions: result?.executions ?? sequence, stories: result?.stories ?? 0, findings, found };
}
