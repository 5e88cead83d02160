import { BrokenCircuitError, CircuitState, DelegateBackoff, circuitBreaker, handleWhen } from 'cockatiel';
import type { BreakerState, ResilienceObserver } from '../authorize/ports-resilience.ts';
import type { Clock } from '../authorize/ports.ts';
import type { Dependency } from '../domain/errors.ts';
import { UnavailableError } from '../domain/errors.ts';
import { createFailureWindow } from './failure-window.ts';
import type { FailureWindowOptions } from './failure-window.ts';

export interface BreakerOptions extends FailureWindowOptions {
  /** Milliseconds for which it is open at first; half of that or more, by chance. Twice as long after each failed probe. */
  readonly openMs: number;
  /** The most milliseconds for which it is open. */
  readonly maxOpenMs: number;
}

/**
 * What a call that threw says of the dependency.
 * - `fault`: it is down, slow, or not to be understood.
 * - `answered`: it is well, and has refused this one call.
 * - `unknown`: nothing. The caller left, or gave it too little time.
 */
export type Verdict = 'fault' | 'answered' | 'unknown';

/** Keeps calls from a dependency that does not serve them. */
export interface Breaker {
  readonly state: BreakerState;
  /** For who would wait before `run`. @throws UnavailableError if it would refuse now. */
  assertAdmits(): void;
  /** For what is not fit to be the probe, and does not go through `run`. @throws UnavailableError unless it is closed. */
  assertClosed(): void;
  /**
   * Does `work`, which must settle in its time and may then be the probe that closes the breaker, or opens it again.
   * `verdictOf` judges what it throws.
   *
   * @throws UnavailableError at once while the breaker is open, and while another call is the probe; else what `work`
   *   throws.
   */
  run<Result>(work: () => Promise<Result>, verdictOf: (thrown: unknown) => Verdict): Promise<Result>;
}

export interface BreakerDeps {
  readonly clock: Clock;
  readonly observer: ResilienceObserver;
  /** From 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number;
}

const STATES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
} as const;

/** What counts against the dependency, on its way through the library. */
class CountedError extends Error {}

type Done<Result> = { readonly kind: 'returned'; readonly value: Result } | { readonly kind: 'answered' };

/** A circuit breaker: closed ▶ open ▶ one probe at a time ▶ closed. It changes only when it is called. */
export function createBreaker(
  { clock, observer, random = Math.random }: BreakerDeps,
  { dependency, openMs, maxOpenMs, ...window }: BreakerOptions & { readonly dependency: Dependency },
): Breaker {
  // The library goes by the system's clock and does not say until when it is open.
  let openUntilMs = 0;
  const backoff = new DelegateBackoff<unknown, number>((_, attempt = 0) => {
    const delay = Math.min(openMs * 2 ** attempt, maxOpenMs) * (0.5 + random() / 2);
    openUntilMs = Date.now() + delay;
    return { delay, state: attempt + 1 };
  });
  const policy = circuitBreaker(
    handleWhen((error) => error instanceof CountedError),
    { breaker: createFailureWindow({ clock }, window), halfOpenAfter: backoff },
  );
  /** Counts the changes: a call that began before the last one says nothing of what is now. */
  let changes = 0;
  policy.onStateChange((state) => {
    changes += 1;
    const failure = policy.lastFailure;
    const cause = failure !== undefined && 'error' in failure ? causeOf(failure.error) : undefined;
    observer.breakerChanged(dependency, STATES[state], state === CircuitState.Open ? cause : undefined);
  });
  observer.breakerChanged(dependency, 'closed');

  const refuse = (): UnavailableError => {
    observer.breakerRejected(dependency);
    return new UnavailableError(dependency, { cause: 'the breaker is open' });
  };

  const assertAdmits = (): void => {
    const { state } = policy;
    if (state === CircuitState.Closed) return;
    // While there is a probe, the library would have the others wait for it.
    if (state !== CircuitState.Open || Date.now() < openUntilMs) throw refuse();
  };

  return {
    get state() {
      return STATES[policy.state];
    },
    assertAdmits,
    assertClosed() {
      if (policy.state !== CircuitState.Closed) throw refuse();
    },
    async run(work, verdictOf) {
      assertAdmits();
      let thrown: unknown;
      const attempt = async (): Promise<Done<Awaited<ReturnType<typeof work>>>> => {
        const isProbe = policy.state === CircuitState.HalfOpen;
        const begunAt = changes;
        try {
          return { kind: 'returned', value: await work() };
        } catch (error) {
          thrown = error;
          const verdict = verdictOf(error);
          if (verdict === 'answered') return { kind: 'answered' };
          // A probe that says nothing has not shown that the dependency is back.
          if (isProbe || (verdict === 'fault' && begunAt === changes)) throw new CountedError('', { cause: error });
          throw error;
        }
      };
      let done: Awaited<ReturnType<typeof attempt>>;
      try {
        done = await policy.execute(attempt);
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw refuse();
        throw causeOf(error);
      }
      if (done.kind === 'returned') return done.value;
      throw thrown;
    },
  };
}

function causeOf(error: unknown): unknown {
  return error instanceof CountedError ? error.cause : error;
}
