import type { Outcome } from '../domain/decision.ts';
import type { CallContext } from './ports.ts';

/** Time to less than a millisecond, of the process's monotonic clock. */
export interface Stopwatch {
  /** Milliseconds, with fractions. */
  nowMs(): number;
  /** Resolves at `atMs`, late by some microseconds; at once where that has passed, or when `signal` aborts. */
  reaches(atMs: number, signal: AbortSignal): Promise<void>;
}

/** Begins to take the time of a decision; what is returned resolves when its outcome may be told, and never rejects. */
export type HoldHidden = (context: CallContext) => (outcome: Outcome) => Promise<void>;
