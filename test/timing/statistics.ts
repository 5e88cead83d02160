/** How far two samples can be told apart. */
export interface Comparison {
  /** The chance that a draw of the first is longer than one of the second, ties half: 0.5 if they are alike. */
  readonly auc: number;
  /** Welch's t of both, without what is above the 95th percentile of both together. */
  readonly croppedT: number;
  /** The largest distance of their distribution functions (Kolmogorov and Smirnov), 0 to 1. */
  readonly ks: number;
}

/** Above it is what a collector or a scheduler did, in either class: it hides a small difference of the means. */
const CROPPED_SHARE = 0.95;

/**
 * Compares two samples of durations, in any unit.
 *
 * @throws Error if one of them is empty.
 */
export function compare(a: readonly number[], b: readonly number[]): Comparison {
  if (a.length === 0 || b.length === 0) throw new Error('nothing to compare');
  return { ...compareRanks(a, b), croppedT: croppedT(a, b) };
}

/** AUC is Mann and Whitney's U over the number of pairs; both measures walk the same order of all values. */
function compareRanks(a: readonly number[], b: readonly number[]): Pick<Comparison, 'auc' | 'ks'> {
  const merged = [...a.map((value) => ({ value, isA: true })), ...b.map((value) => ({ value, isA: false }))];
  merged.sort((left, right) => left.value - right.value);
  let [belowA, belowB, wins, ks] = [0, 0, 0, 0];
  for (let at = 0; at < merged.length;) {
    const { value } = merged[at] ?? { value: 0 };
    let [tiedA, tiedB] = [0, 0];
    for (; merged[at]?.value === value; at += 1) {
      if (merged[at]?.isA === true) tiedA += 1;
      else tiedB += 1;
    }
    wins += tiedA * (belowB + tiedB / 2);
    belowA += tiedA;
    belowB += tiedB;
    ks = Math.max(ks, Math.abs(belowA / a.length - belowB / b.length));
  }
  return { auc: wins / (a.length * b.length), ks };
}

function croppedT(a: readonly number[], b: readonly number[]): number {
  const pooled = [...a, ...b].toSorted((left, right) => left - right);
  const limit = pooled[Math.ceil(pooled.length * CROPPED_SHARE) - 1] ?? Infinity;
  const [left, right] = [a, b].map((values) => momentsOf(values.filter((value) => value <= limit)));
  if (left === undefined || right === undefined) throw new Error('nothing to compare');
  const difference = left.mean - right.mean;
  const error = Math.sqrt(left.variance / left.count + right.variance / right.count);
  // Everything of one class was cropped, or neither varies: apart, unless they are the same.
  if (!Number.isFinite(error) || error === 0) return difference === 0 ? 0 : Math.sign(difference || 1) * Infinity;
  return difference / error;
}

function momentsOf(values: readonly number[]): {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
} {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, variance: squares / (count - 1) };
}
