import type { Comparison } from './statistics.ts';

/** What two classes that can't be told apart stay within, with `FULL_PAIRS` of each. */
const LIMITS = { auc: 0.02, croppedT: 4.5, ks: 0.039 } as const;

/** Pairs from which on the limits are as they are promised. */
export const FULL_PAIRS = 5_000;

export type Measure = keyof Comparison;

/**
 * The measures that say that the classes are not alike.
 *
 * Of fewer pairs than `FULL_PAIRS` chance alone makes AUC and KS larger, as the root of their number: then the limits
 * are as much wider, and what passes shows less.
 */
export function exceeded({ auc, croppedT, ks }: Comparison, pairs: number): readonly Measure[] {
  const width = Math.sqrt(Math.max(1, FULL_PAIRS / pairs));
  const isOver: Readonly<Record<Measure, boolean>> = {
    auc: Math.abs(auc - 0.5) > LIMITS.auc * width,
    croppedT: Math.abs(croppedT) >= LIMITS.croppedT,
    ks: ks >= LIMITS.ks * width,
  };
  return (['auc', 'croppedT', 'ks'] as const).filter((measure) => isOver[measure]);
}
