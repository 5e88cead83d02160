import { OverloadedError, toTaskgateError } from '../domain/errors.ts';

export interface CallPlacesOptions {
  /** Calls under way at once. */
  readonly maxConcurrentCalls: number;
  /** Calls that wait for a place; one more is refused at once. 0: none waits. */
  readonly maxQueuedCalls: number;
}

/** The places that a listener has for calls under way, and the queue of those that wait for one. */
export interface CallPlaces {
  /** Takes a place without waiting. False if none is free. */
  tryTake(): boolean;
  /** True if one more would be refused. */
  isFull(): boolean;
  /**
   * Takes a place in the order of asking.
   *
   * @throws OverloadedError at once if the queue is full; the signal's reason when it aborts, and then no place is held.
   */
  take(signal: AbortSignal): Promise<void>;
  /** Gives a place back, to whoever has waited longest. */
  give(): void;
  load(): { readonly executing: number; readonly queued: number };
}

/** A Set is the queue: it keeps the order, and whoever leaves it early is gone at once. */
export function createCallPlaces({ maxConcurrentCalls, maxQueuedCalls }: CallPlacesOptions): CallPlaces {
  const waiting = new Set<() => void>();
  let taken = 0;
  const hasFree = (): boolean => taken < maxConcurrentCalls;
  const isFull = (): boolean => !hasFree() && waiting.size >= maxQueuedCalls;
  const tryTake = (): boolean => {
    if (!hasFree()) return false;
    taken += 1;
    return true;
  };
  return {
    tryTake,
    isFull,
    load: () => ({ executing: taken, queued: waiting.size }),
    async take(signal) {
      signal.throwIfAborted();
      if (tryTake()) return;
      if (isFull()) throw new OverloadedError();
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          waiting.delete(enter);
          reject(toTaskgateError(signal.reason));
        };
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        waiting.add(enter);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
    give() {
      // Handed over, so that nobody who comes now can be before those who wait.
      for (const enter of waiting) {
        waiting.delete(enter);
        enter();
        return;
      }
      taken -= 1;
    },
  };
}
