import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { TimedCall } from './timed-call.ts';

/**
 * What had been asked before. `cold`: nothing. `second`: it was asked once, just before. `aged`: it was asked once, so long
 * ago that it is asked anew. `warm`: it was asked again and again.
 */
export const STATES = ['cold', 'second', 'aged', 'warm'] as const;
export type State = (typeof STATES)[number];

/** Microseconds of one class, by state. */
export type Durations = Readonly<Record<State, number[]>>;

/** A request, and where what it takes is kept. */
export interface Asked {
  readonly encoded: Buffer;
  readonly durations: Durations;
}

/** A request of each class, which are asked one after the other. */
export type Round = readonly Asked[];

/** Rounds that are asked twice before they age together. */
const ROUNDS_PER_BLOCK = 1_000;
/** For what SpiceDB still does when it has answered, which the client would have to share its core with. */
const SETTLED_MS = 5;
/** More than what is kept of an absence, or of a denial, by default: 5 s. */
const AGED_MS = 6_000;

/**
 * Asks everything for the first time, once more just after, and again when that has aged. Which class comes first is drawn
 * for each round, so that whatever drifts hits all alike.
 */
export async function timeFresh(call: TimedCall, rounds: readonly Round[], random: Random): Promise<void> {
  const ask = createAsk(call);
  for (let at = 0; at < rounds.length; at += ROUNDS_PER_BLOCK) {
    const block = rounds.slice(at, at + ROUNDS_PER_BLOCK);
    for (const round of block) {
      for (const asked of random.shuffled(round)) {
        await ask(asked, 'cold');
        await delay(SETTLED_MS);
        await ask(asked, 'second');
      }
    }
    await delay(AGED_MS);
    for (const round of block) {
      for (const asked of random.shuffled(round)) await ask(asked, 'aged');
    }
  }
}

const WARM_UPS = 20;

/** Asks the same few rounds again and again. */
export async function timeWarm(
  call: TimedCall,
  rounds: readonly Round[],
  count: number,
  random: Random,
): Promise<void> {
  const ask = createAsk(call);
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp += 1) {
    for (const { encoded } of rounds.flat()) await call.time(encoded);
  }
  for (let n = 0; n < count; n += 1) {
    for (const asked of random.shuffled(random.pick(rounds))) await ask(asked, 'warm');
  }
}

/** On a machine that is shared a call now and then runs out of its time; more than that, and nothing is measured. */
const MAX_FAILED_SHARE = 0.01;
const FAILED_ANYWAY = 10;

function createAsk(call: TimedCall): (asked: Asked, state: State) => Promise<void> {
  let sent = 0;
  let failed = 0;
  return async ({ encoded, durations }, state) => {
    const microseconds = await call.time(encoded);
    sent += 1;
    if (microseconds !== undefined) durations[state].push(microseconds);
    else if ((failed += 1) > FAILED_ANYWAY + sent * MAX_FAILED_SHARE)
      throw new Error(`${failed} of ${sent} checks failed`);
  };
}
