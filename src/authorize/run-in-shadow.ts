import { DeadlineExceededError, toTaskgateError, UnavailableError } from '../domain/errors.ts';
import type { CallContext, Clock } from './ports.ts';

export interface ShadowOptions {
  /** Milliseconds that one piece of work may take, whatever the caller's own time is. */
  readonly timeoutMs: number;
  /** Checks under way at once. A piece with more than that is done when it is alone. */
  readonly maxChecks: number;
}

/** Does work whose result nobody waits for, and none while there is too much else to do. */
export interface ShadowRunner extends AsyncDisposable {
  /**
   * Does work of so many checks, at once if it needs nobody.
   *
   * @returns what the work returns, or undefined if it is not done. A promise rejects as the work does, and with
   * DeadlineExceededError when its time is up.
   */
  run<Result>(
    checks: number,
    work: (context: CallContext) => Result | Promise<Result>,
  ): Promise<Result> | Result | undefined;
}

export function createShadowRunner(
  {
    clock,
    isBusy,
  }: {
    readonly clock: Clock;
    /** True while what somebody waits for needs all there is. */
    readonly isBusy: () => boolean;
  },
  { timeoutMs, maxChecks }: ShadowOptions,
): ShadowRunner {
  const underWay = new Set<ShadowContext>();
  let checksUnderWay = 0;
  let closed = false;

  const isFull = (checks: number): boolean => checksUnderWay > 0 && checksUnderWay + checks > maxChecks;
  const finish = async <Result>(checks: number, context: ShadowContext, work: Promise<Result>): Promise<Result> => {
    checksUnderWay += checks;
    underWay.add(context);
    try {
      return await Promise.race([work, context.ended]);
    } finally {
      context.end();
      underWay.delete(context);
      checksUnderWay -= checks;
    }
  };

  return {
    run(checks, work) {
      if (closed || isFull(checks) || isBusy()) return undefined;
      const context = new ShadowContext(clock.nowMs() + timeoutMs, timeoutMs);
      const result = work(context);
      return result instanceof Promise ? finish(checks, context, result) : result;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const context of underWay) context.abort(new UnavailableError('spicedb', { cause: 'shutting down' }));
      await Promise.resolve();
    },
  };
}

/** Its signal and timer are made when something waits on them: what is known already costs neither. */
class ShadowContext implements CallContext {
  readonly deadlineAtMs: number;
  readonly #timeoutMs: number;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deadlineAtMs: number, timeoutMs: number) {
    this.deadlineAtMs = deadlineAtMs;
    this.#timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#timer = setTimeout(() => this.abort(new DeadlineExceededError()), this.#timeoutMs);
    }
    return this.#controller.signal;
  }

  /** Rejects with the signal's reason. */
  get ended(): Promise<never> {
    const { signal } = this;
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(toTaskgateError(signal.reason)), { once: true });
    return promise;
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
