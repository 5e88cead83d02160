import { median, spread } from './statistics.ts';

/** What was measured on both sides, round by round. */
export interface Rounds {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Ours by theirs, of each round. */
  readonly ratios: readonly number[];
}

export interface RoundsOptions {
  /** For the progress line. */
  readonly name: string;
  readonly rounds: number;
  readonly theirs: (round: number) => Promise<number>;
  readonly ours: (round: number) => Promise<number>;
}

/** Measures both sides in turn, each of them first in every other round, so that a drift of the machine favours none. */
export async function measureInTurn({ name, rounds, theirs, ours }: RoundsOptions): Promise<Rounds> {
  const results = { ours: [] as number[], theirs: [] as number[], ratios: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const isOursFirst = round % 2 === 1;
    const first = isOursFirst ? await ours(round) : await theirs(round);
    const second = isOursFirst ? await theirs(round) : await ours(round);
    const [mine, other] = isOursFirst ? [first, second] : [second, first];
    results.ours.push(mine);
    results.theirs.push(other);
    results.ratios.push(mine / other);
    process.stderr.write(
      `  ${name}, round ${round + 1} of ${rounds}: ${mine.toFixed(2)} beside ${other.toFixed(2)}: ${(mine / other).toFixed(2)}\n`,
    );
  }
  return results;
}

/** What the ratio must be, in the median. */
export type RatioTarget = { readonly atLeast: number } | { readonly atMost: number };

/** The last three cells of a row about a ratio. */
export function judgeRatio(ratios: readonly number[], target: RatioTarget) {
  const ratio = median(ratios);
  const result = spread(ratios, 2);
  return 'atLeast' in target
    ? { result, target: `≥ ${target.atLeast}`, isMet: ratio >= target.atLeast }
    : { result, target: `≤ ${target.atMost}`, isMet: ratio <= target.atMost };
}
