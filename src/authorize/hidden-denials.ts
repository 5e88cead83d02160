import type { Outcome } from '../domain/decision.ts';
import { OverloadedError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import { isHidden } from './hidden.ts';
import type { Clock, DecideCheck, DecideChecks, HiddenDenialFigures, HiddenDenialObserver } from './ports.ts';

export interface HiddenDenialOptions {
  /** Milliseconds over which a principal's hidden denials are counted. */
  readonly windowMs: number;
  /** So many in one window and a principal is suspected of trying ids. */
  readonly suspectAt: number;
  /** So many in one window and nothing more is decided for the principal until the window has moved on; undefined: no limit. */
  readonly limit: number | undefined;
  /** Principals that are counted; the one that asked longest ago is forgotten first. Default 10,000. */
  readonly maxPrincipals?: number;
}

/**
 * Counts what each principal was told is not found: many are the trace of somebody who tries ids.
 *
 * Denied and absent count alike, and a principal over the limit is refused before anything is looked up, whatever it asks
 * about and as an overload is refused: the limit tells nothing but how often it was told "not found", which it knew.
 */
export interface HiddenDenials {
  readonly watchCheck: (decide: DecideCheck) => DecideCheck;
  readonly watchChecks: (decide: DecideChecks) => DecideChecks;
  readonly figures: () => HiddenDenialFigures;
}

export function createHiddenDenials(
  { clock, observer }: { readonly clock: Clock; readonly observer: HiddenDenialObserver },
  { windowMs, suspectAt, limit = Infinity, maxPrincipals = 10_000 }: HiddenDenialOptions,
): HiddenDenials {
  /** In the order of the last hidden denial. */
  const windows = new Map<string, SlidingCount>();

  const isOverLimit = (principal: Principal): boolean => {
    if (limit === Infinity) return false;
    const counted = windows.get(keyOf(principal));
    if (counted === undefined || counted.at(clock.nowMs()) < limit) return false;
    observer.throttled();
    return true;
  };
  const count = (principal: Principal, hidden: number): void => {
    const key = keyOf(principal);
    const nowMs = clock.nowMs();
    const counted = windows.get(key) ?? new SlidingCount(windowMs, nowMs);
    const before = counted.at(nowMs);
    counted.add(hidden, nowMs);
    if (before < suspectAt && counted.at(nowMs) >= suspectAt) observer.suspected(principal);
    windows.delete(key);
    windows.set(key, counted);
    if (windows.size <= maxPrincipals) return;
    const [oldest] = windows.keys();
    if (oldest !== undefined) windows.delete(oldest);
  };
  const counting = (principal: Principal, outcome: Outcome): Outcome => {
    if (isHidden(outcome)) count(principal, 1);
    return outcome;
  };

  return {
    watchCheck: (decide) => (principal, check, context) => {
      if (isOverLimit(principal)) return throttled();
      const outcome = decide(principal, check, context);
      return outcome instanceof Promise
        ? outcome.then((decided) => counting(principal, decided))
        : counting(principal, outcome);
    },
    watchChecks: (decide) => async (principal, checks, context) => {
      if (isOverLimit(principal)) return checks.map(throttled);
      const outcomes = await decide(principal, checks, context);
      const hidden = outcomes.filter(isHidden).length;
      if (hidden > 0) count(principal, hidden);
      return outcomes;
    },
    figures() {
      const nowMs = clock.nowMs();
      const counts = [...windows.values()].map((counted) => counted.at(nowMs));
      return {
        highest: counts.reduce((highest, counted) => Math.max(highest, counted), 0),
        suspects: counts.filter((counted) => counted >= suspectAt).length,
      };
    },
  };
}

/** How many there were in the last window: those of the present one, and the last one's in proportion to its rest. */
class SlidingCount {
  readonly #windowMs: number;
  #startMs: number;
  #current = 0;
  #previous = 0;

  constructor(windowMs: number, startMs: number) {
    this.#windowMs = windowMs;
    this.#startMs = startMs;
  }

  add(count: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#current += count;
  }

  at(nowMs: number): number {
    this.#moveTo(nowMs);
    const restOfPrevious = 1 - (nowMs - this.#startMs) / this.#windowMs;
    return this.#current + this.#previous * restOfPrevious;
  }

  #moveTo(nowMs: number): void {
    const windows = Math.floor((nowMs - this.#startMs) / this.#windowMs);
    if (windows < 1) return;
    this.#previous = windows === 1 ? this.#current : 0;
    this.#current = 0;
    this.#startMs += windows * this.#windowMs;
  }
}

function throttled(): Outcome {
  return { kind: 'failed', error: new OverloadedError({ cause: 'too many hidden denials of this principal' }) };
}

/** Injective: the kind is one of a closed set, and the id is behind its length. */
function keyOf({ kind, id, account }: Principal): string {
  return `${kind}:${id.length}:${id}${account}`;
}
