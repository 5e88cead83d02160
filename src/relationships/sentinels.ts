import type { SentinelPicker } from '../authorize/ports.ts';

export interface SentinelOptions {
  /** How many sentinels a type has: what `registerSentinels` registered. */
  readonly count: number;
  /** From 0 to 1, exclusive: where to begin, so that replicas go different ways. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Takes sentinels in turn. SpiceDB keeps what it found out for some seconds, by all objects that were asked about
 * together: a denied resource and its companion are a new pair, so what is absent and its companion must be one, too. The
 * stand-ins are of the lower half and the companions of the upper, which goes on by one with every round: half of them
 * squared is how many questions pass until a pair comes again.
 */
export function createSentinelPicker({ count, random = Math.random }: SentinelOptions): SentinelPicker {
  const lower = Math.ceil(count / 2);
  const upper = Math.max(1, count - lower);
  let standIns = Math.floor(random() * lower);
  let companions = Math.floor(random() * lower * upper);
  return {
    standIn() {
      standIns = (standIns + 1) % lower;
      return standIns;
    },
    companion() {
      companions = (companions + 1) % (lower * upper);
      return Math.min(lower + Math.floor(companions / lower), count - 1);
    },
  };
}
