import type { Evidence, Outcome } from '../domain/decision.ts';
import { isHidden } from './hidden.ts';
import type { Clock } from './ports.ts';
import type { HoldHidden, Stopwatch } from './ports-hold.ts';

/** Above what a check of something cold takes on a machine that is not loaded. */
const SHORTEST_HOLD_MS = 5;
const LONGEST_HOLD_MS = 100;
/** A hold is one of few, so that it says little of the answers before, and that they do not shift it all the time. */
const STEP = 1.2;
/** More than a step, so that it does not go to and fro. */
const SHORTER_BELOW = 1.4;
/** One answer in a hundred that takes longer keeps the estimate where it is: 5 % up weigh as much as 99 times 0.05 % down. */
const LONGER = 1.05;
const SHORTER = 0.9995;
/** At most, at random, above the hold: what little still differs after it can't be told from that. */
const JITTER_MS = 0.7;
/** Of the time that the caller gives: the answer has to arrive within it. */
const HOLDABLE_SHARE = 0.8;

/** One way to find out what is hidden. */
interface Way {
  /** The 99th percentile of what it takes, about. */
  estimateMs: number;
  holdMs: number;
}

export interface HoldHiddenDeps {
  readonly stopwatch: Stopwatch;
  readonly clock: Clock;
  /** From 0 to 1, exclusive. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Tells what is hidden no sooner than almost all of it could be told, so that the clock says nothing of how it was found
 * out: whether something was denied or absent, and how far SpiceDB had to walk for that.
 *
 * Only what somebody was asked for is held; all that is in memory is told at once. Each way to find out has a hold of its
 * own, above the 99th percentile of what it takes, from 5 to some 100 ms. That is measured by absent and denied ones alike,
 * so that the hold does not say which they were.
 */
export function createHoldHidden({ stopwatch, clock, random = Math.random }: HoldHiddenDeps): HoldHidden {
  const ways = new Map<string, Way>();
  return ({ signal, deadlineAtMs }) => {
    const startedAtMs = stopwatch.nowMs();
    const longestMs = (deadlineAtMs - clock.nowMs()) * HOLDABLE_SHARE;
    return async (outcome) => {
      const name = wayOf(outcome);
      if (name === undefined) return;
      const way = ways.get(name) ?? { estimateMs: SHORTEST_HOLD_MS, holdMs: SHORTEST_HOLD_MS };
      ways.set(name, way);
      const { holdMs } = way;
      learn(way, stopwatch.nowMs() - startedAtMs);
      await stopwatch.reaches(startedAtMs + Math.min(holdMs + JITTER_MS * random(), longestMs), signal);
    };
  };
}

/** The next answers are held by what this one took. */
function learn(way: Way, tookMs: number): void {
  way.estimateMs = Math.min(LONGEST_HOLD_MS, way.estimateMs * (tookMs > way.estimateMs ? LONGER : SHORTER));
  if (way.estimateMs > way.holdMs) way.holdMs *= STEP;
  else if (way.estimateMs * SHORTER_BELOW < way.holdMs && way.holdMs > SHORTEST_HOLD_MS) way.holdMs /= STEP;
}

/** Who had to be asked, for what is hidden; undefined if nobody had to be. */
function wayOf(outcome: Outcome): `${Evidence['parent']} ${Evidence['relationships']}` | undefined {
  if (!isHidden(outcome) || outcome.kind !== 'decided' || outcome.evidence === undefined) return undefined;
  const { parent, relationships } = outcome.evidence;
  const isInMemory = (parent === 'none' || parent === 'memory') && relationships === 'cache';
  return isInMemory ? undefined : `${parent} ${relationships}`;
}
