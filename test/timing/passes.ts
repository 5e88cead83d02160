import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { TimedCall } from './timed-call.ts';

/** Microseconds of each class, by what had been asked before. */
export interface Sample {
  readonly a: number[];
  readonly b: number[];
}

/** `cold`: never asked before. `second`: asked once, just before. `aged`: asked once, so long ago that it is asked anew. */
export type FreshState = 'cold' | 'second' | 'aged';
export type FreshSamples = Readonly<Record<FreshState, Sample>>;

/** One request of each class. */
export interface Pair {
  readonly a: Buffer;
  readonly b: Buffer;
}

/** Pairs that are asked twice before they age together. */
const PAIRS_PER_BLOCK = 1_000;
/** For what SpiceDB still does when it has answered, which the client would have to share its core with. */
const SETTLED_MS = 5;
/** More than what is kept of an absence, or of a denial, by default: 5 s. */
const AGED_MS = 6_000;

/**
 * Asks each pair for the first time, each of its requests twice in a row, and once more when that has aged. Which class
 * comes first is drawn for each pair, so that whatever drifts hits both alike.
 */
export async function timeFresh(call: TimedCall, pairs: readonly Pair[], random: Random): Promise<FreshSamples> {
  const ask = createAsk(call);
  const samples: FreshSamples = { cold: emptySample(), second: emptySample(), aged: emptySample() };
  for (let at = 0; at < pairs.length; at += PAIRS_PER_BLOCK) {
    const block = pairs.slice(at, at + PAIRS_PER_BLOCK);
    for (const pair of block) {
      for (const name of drawOrder(random)) {
        await ask(pair[name], samples.cold[name]);
        await delay(SETTLED_MS);
        await ask(pair[name], samples.second[name]);
      }
    }
    await delay(AGED_MS);
    for (const pair of block) {
      for (const name of drawOrder(random)) await ask(pair[name], samples.aged[name]);
    }
  }
  return samples;
}

const WARM_UPS = 20;

/** Asks the same few pairs again and again. */
export async function timeWarm(
  call: TimedCall,
  pairs: readonly Pair[],
  count: number,
  random: Random,
): Promise<Sample> {
  const ask = createAsk(call);
  const sample = emptySample();
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp += 1) {
    for (const { a, b } of pairs) {
      await call.time(a);
      await call.time(b);
    }
  }
  for (let n = 0; n < count; n += 1) {
    const pair = random.pick(pairs);
    for (const name of drawOrder(random)) await ask(pair[name], sample[name]);
  }
  return sample;
}

/** On a machine that is shared a call now and then runs out of its time; more than that, and nothing is measured. */
const MAX_FAILED_SHARE = 0.01;
const FAILED_ANYWAY = 10;

function createAsk(call: TimedCall): (encoded: Buffer, durations: number[]) => Promise<void> {
  let asked = 0;
  let failed = 0;
  return async (encoded, durations) => {
    const microseconds = await call.time(encoded);
    asked += 1;
    if (microseconds !== undefined) durations.push(microseconds);
    else if ((failed += 1) > FAILED_ANYWAY + asked * MAX_FAILED_SHARE)
      throw new Error(`${failed} of ${asked} checks failed`);
  };
}

function drawOrder(random: Random): readonly ['a', 'b'] | readonly ['b', 'a'] {
  return random.chance(0.5) ? ['a', 'b'] : ['b', 'a'];
}

function emptySample(): Sample {
  return { a: [], b: [] };
}
