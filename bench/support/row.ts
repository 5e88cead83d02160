import type { BenchStores } from './stores.ts';

/** One line of the table. */
export interface BenchRow {
  readonly work: string;
  readonly reference: string;
  readonly result: string;
  readonly target: string;
  /** `skipped`: it has no target, or could not be measured here, of which `result` then says why. */
  readonly isMet: boolean | 'skipped';
}

export interface BenchOptions {
  /** Full sizes and durations, which take long. */
  readonly isFull: boolean;
  /** Of a run of every section, the files that are kept with the results. */
  readonly keepsResults: boolean;
}

/** Measures one section of the table. */
export type BenchSection = (stores: BenchStores, options: BenchOptions) => Promise<readonly BenchRow[]>;

/** A row that could not be measured. */
export function skippedRow(work: string, why: string): BenchRow {
  return { work, reference: '–', result: why, target: '–', isMet: 'skipped' };
}
