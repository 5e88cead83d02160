import { fileURLToPath } from 'node:url';
import type { BenchProcess } from './processes.ts';
import { startPinned } from './processes.ts';
import type { BenchStores } from './stores.ts';

const SCRIPT = fileURLToPath(new URL('../taskgate.ts', import.meta.url));

export interface TaskgateAddresses {
  readonly grpc: string;
  readonly http: string;
}

/** What `bench/taskgate.ts` answers, by the question. */
export interface TaskgateAnswers {
  /** Queries to the application's database so far. */
  readonly queries: number;
  /** Nothing: it counts from here on. */
  readonly watchEventLoop: null;
  /** The 99th percentile of the event loop's delay since then, in milliseconds. */
  readonly eventLoopP99Ms: number;
}

export type BenchTaskgate = Omit<BenchProcess<TaskgateAddresses>, 'ask'> & {
  ask<Question extends keyof TaskgateAnswers>(question: Question): Promise<TaskgateAnswers[Question]>;
};

export interface TaskgateOptions {
  /** Default true. */
  readonly keepsDecisions?: boolean;
}

/** Starts the taskgate that is measured, on the core for it. */
export async function startTaskgate(
  stores: Pick<BenchStores, 'env'>,
  { keepsDecisions = true }: TaskgateOptions = {},
): Promise<BenchTaskgate> {
  const env = { ...stores.env, ...(keepsDecisions ? {} : { BENCH_NO_DECISION_CACHE: 'yes' }) };
  return (await startPinned<TaskgateAddresses>(SCRIPT, { env })) as BenchTaskgate;
}
