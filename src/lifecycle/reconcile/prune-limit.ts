/** How many resources of a type one run may prune: a count, or a share (0–1) of those that are registered. */
export type PruneLimit =
  { readonly kind: 'count'; readonly count: number } | { readonly kind: 'share'; readonly share: number };

export const DEFAULT_PRUNE_LIMITS: readonly PruneLimit[] = [
  { kind: 'count', count: 1_000 },
  { kind: 'share', share: 0.05 },
];

/** A share of few is none: a handful of orphans may go however few resources there are. */
const MIN_OF_SHARE = 10;

/** The most that all of the limits allow. */
export function prunable(limits: readonly PruneLimit[], resources: number): number {
  return Math.min(
    ...limits.map((limit) =>
      limit.kind === 'count' ? limit.count : Math.max(MIN_OF_SHARE, Math.floor(limit.share * resources)),
    ),
  );
}
