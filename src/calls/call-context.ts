import type { CallContext, Clock } from '../authorize/ports.ts';
import type { Span } from '../authorize/ports-tracing.ts';
import { CancelledError, DeadlineExceededError } from '../domain/errors.ts';

export interface CallContextOptions {
  readonly clock: Clock;
  /** Milliseconds that the call may take. */
  readonly timeoutMs: number;
  readonly call: {
    /** Calls the listener when the caller is gone. */
    onCancel(listener: () => void): void;
  };
  readonly span?: Span | undefined;
}

/**
 * What bounds one call. The signal and its timer are made when something first waits on them: a call that is answered
 * from memory never pays for them. Dispose it when the call has ended.
 */
export class LazyCallContext implements CallContext {
  readonly deadlineAtMs: number;
  readonly span: Span | undefined;
  readonly #options: CallContextOptions;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(options: CallContextOptions) {
    this.#options = options;
    this.span = options.span;
    this.deadlineAtMs = options.clock.nowMs() + options.timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    const leftMs = Math.max(0, this.deadlineAtMs - this.#options.clock.nowMs());
    this.#timer = setTimeout(() => controller.abort(new DeadlineExceededError()), leftMs);
    // Transports say it of every call when its stream closes, answered or not.
    this.#options.call.onCancel(() => {
      if (!this.#hasEnded) controller.abort(new CancelledError());
    });
    return controller.signal;
  }

  [Symbol.dispose](): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }
}
