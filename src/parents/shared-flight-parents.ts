import type { Clock, ParentKey, ParentLookup, ParentResult } from '../authorize/ports.ts';
import { DeadlineExceededError, InternalError } from '../domain/errors.ts';
import { toParentKeyText } from './parent-key.ts';
import { failedWith, waitOrLeave } from './wait-or-leave.ts';

export interface SharedFlightOptions {
  /** Milliseconds that a shared lookup may take, whoever waits for it. */
  readonly timeoutMs: number;
}

/**
 * Lookups of one key that overlap are one lookup. It runs in nobody's name: a caller that leaves ends its own wait, and
 * the others still get their result. A result is shared only with those who asked before it came.
 */
export function createSharedFlightParents(
  { next, clock }: { readonly next: ParentLookup; readonly clock: Clock },
  { timeoutMs }: SharedFlightOptions,
): ParentLookup {
  const flights = new Map<string, Promise<ParentResult>>();

  async function fly(keys: readonly ParentKey[]): Promise<readonly ParentResult[]> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DeadlineExceededError()), timeoutMs);
    try {
      const context = { signal: controller.signal, deadlineAtMs: clock.nowMs() + timeoutMs };
      // Lands in its time even if what it asks does not heed the signal: a flight that never lands is joined for ever.
      return await waitOrLeave(next.lookup(keys, context), keys.length, context);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts one lookup of the keys that nobody is looking up. */
  function takeOff(missing: ReadonlyMap<string, ParentKey>): void {
    const landed = fly([...missing.values()]);
    for (const [index, text] of [...missing.keys()].entries()) {
      const flight = landed
        .then((results) => results[index] ?? failedWith(new InternalError({ cause: 'too few parent results' })))
        .catch(failedWith)
        .finally(() => flights.delete(text));
      flights.set(text, flight);
    }
  }

  return {
    async lookup(keys, context) {
      const texts = keys.map(toParentKeyText);
      const missing = new Map<string, ParentKey>();
      for (const [index, text] of texts.entries()) {
        const key = keys[index];
        if (key !== undefined && !flights.has(text)) missing.set(text, key);
      }
      if (missing.size > 0) takeOff(missing);
      const waits = texts.map(async (text) => flights.get(text) ?? failedWith('the flight is gone'));
      return waitOrLeave(Promise.all(waits), keys.length, context);
    },
  };
}
