import type { Clock, LookupPurpose, ParentKey, ParentLookup, ParentResult } from '../authorize/ports.ts';
import type { Span } from '../authorize/ports-tracing.ts';
import { DeadlineExceededError } from '../domain/errors.ts';
import { toParentKeyText } from './parent-key.ts';
import { failedWith, waitOrLeave } from './wait-or-leave.ts';

export interface SharedFlightOptions {
  /** Milliseconds that a shared lookup may take, whoever waits for it. */
  readonly timeoutMs: number;
}

/** One lookup of some keys. Never rejects. */
type Flight = Promise<readonly ParentResult[]>;

/** Where in a flight the result of a key will be. */
interface Seat {
  readonly landed: Flight;
  readonly position: number;
}

/**
 * Lookups of one key that overlap are one lookup. It runs in nobody's name: a caller that leaves ends its own wait, and
 * the others still get their result. In a trace it is a part of the call that started it. A result is shared only with those who asked before it came.
 */
export function createSharedFlightParents(
  { next, clock }: { readonly next: ParentLookup; readonly clock: Clock },
  { timeoutMs }: SharedFlightOptions,
): ParentLookup {
  const flights = new Map<string, Seat>();

  async function fly(
    keys: readonly ParentKey[],
    purpose: LookupPurpose,
    span: Span | undefined,
  ): Promise<readonly ParentResult[]> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DeadlineExceededError()), timeoutMs);
    try {
      const context = { signal: controller.signal, deadlineAtMs: clock.nowMs() + timeoutMs, span };
      // Lands in its time even if what it asks does not heed the signal: a flight that never lands is joined for ever.
      return await waitOrLeave(next.lookup(keys, context, purpose), keys.length, context);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts one lookup of the keys that nobody is looking up. */
  function takeOff(missing: ReadonlyMap<string, ParentKey>, purpose: LookupPurpose, span: Span | undefined): void {
    const land = (): void => {
      for (const text of missing.keys()) flights.delete(text);
    };
    const landed = fly([...missing.values()], purpose, span)
      .catch((error: unknown) => Array.from(missing, () => failedWith(error)))
      .finally(land);
    let position = 0;
    for (const text of missing.keys()) flights.set(text, { landed, position: position++ });
  }

  return {
    async lookup(keys, context, purpose = 'any') {
      // Apart: what is good enough for any purpose is not for a denial. No key begins with a letter.
      const texts = keys.map((key) => (purpose === 'any' ? '' : purpose) + toParentKeyText(key));
      const missing = new Map<string, ParentKey>();
      keys.forEach((key, index) => {
        const text = texts[index] ?? '';
        if (!flights.has(text)) missing.set(text, key);
      });
      if (missing.size > 0) takeOff(missing, purpose, context.span);
      const seats = texts.map((text) => flights.get(text));
      return waitOrLeave(landAll(seats), keys.length, context);
    },
  };
}

/** Waits for all flights, each once. */
async function landAll(seats: readonly (Seat | undefined)[]): Promise<readonly ParentResult[]> {
  const results = new Map<Flight, readonly ParentResult[]>();
  for (const seat of seats)
    if (seat !== undefined && !results.has(seat.landed)) results.set(seat.landed, await seat.landed);
  return seats.map((seat) => {
    const result = seat === undefined ? undefined : results.get(seat.landed)?.[seat.position];
    return result ?? failedWith('too few parent results');
  });
}
