import { CircuitState } from 'cockatiel';
import type { IBreaker } from 'cockatiel';
import type { Clock } from '../authorize/ports.ts';

export interface FailureWindowOptions {
  /** The share of failed calls that is too much, above 0 and up to 1. */
  readonly failureRatio: number;
  /** Calls in the window before their share means anything, 1 or more. As many failures in a row are too much at any rate. */
  readonly minCalls: number;
  /** Milliseconds for which a call counts. */
  readonly windowMs: number;
}

interface Slice {
  endsAtMs: number;
  calls: number;
  failures: number;
}

const SLICES = 10;

/**
 * Says when a breaker opens. It is cockatiel's port, and not its SamplingBreaker, for two reasons: that one counts what
 * failed long ago when little is called; and calls that hang come so slowly that a share of all calls is reached only
 * when the last good one is forgotten, so failures in a row count on their own.
 */
export function createFailureWindow(
  { clock }: { readonly clock: Clock },
  { failureRatio, minCalls, windowMs }: FailureWindowOptions,
): IBreaker {
  const sliceMs = windowMs / SLICES;
  let slices: Slice[] = [];
  let failuresInARow = 0;

  function count(failures: 0 | 1): void {
    const nowMs = clock.nowMs();
    // A clock that was set back leaves slices of the future, which would never end.
    slices = slices.filter(({ endsAtMs }) => endsAtMs > nowMs - windowMs && endsAtMs <= nowMs + sliceMs);
    let last = slices.at(-1);
    if (last === undefined || last.endsAtMs <= nowMs) {
      last = { endsAtMs: nowMs + sliceMs, calls: 0, failures: 0 };
      slices.push(last);
    }
    last.calls += 1;
    last.failures += failures;
    failuresInARow = failures === 0 ? 0 : failuresInARow + 1;
  }

  function isTooMuch(): boolean {
    if (failuresInARow >= minCalls) return true;
    let calls = 0;
    let failures = 0;
    for (const slice of slices) {
      calls += slice.calls;
      failures += slice.failures;
    }
    return calls >= minCalls && failures >= failureRatio * calls;
  }

  function forget(): void {
    slices = [];
    failuresInARow = 0;
  }

  return {
    state: undefined,
    success(state) {
      if (state === CircuitState.HalfOpen) forget();
      count(0);
    },
    failure(state) {
      count(1);
      if (state === CircuitState.Closed && !isTooMuch()) return false;
      forget();
      return true;
    },
  };
}
