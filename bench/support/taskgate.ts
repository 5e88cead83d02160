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
  /** YAML that is put under TASKGATE_CONFIG. */
  readonly config?: string;
}

/** Lists are measured cold, and may take longer than a check. */
export const COLD = '{decisions: {cache: false}, limits: {default_timeout_ms: 9000}, spicedb: {timeout_ms: 8000}}';

/** Caches as large as the rows about them say. */
export const LARGE_CACHES = '{parents: {memory_max_entries: 100000}, decisions: {max_entries: 100000}}';

/** Starts the taskgate that is measured, on the core for it. */
export async function startTaskgate(
  stores: Pick<BenchStores, 'env'>,
  { config }: TaskgateOptions = {},
): Promise<BenchTaskgate> {
  const env = { ...stores.env, ...(config === undefined ? {} : { BENCH_CONFIG: config }) };
  return (await startPinned<TaskgateAddresses>(SCRIPT, { env })) as BenchTaskgate;
}
