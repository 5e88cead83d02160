/** How fresh the relationships behind an answer must be, weakest first. */
export type Consistency =
  | { readonly kind: 'minimize_latency' }
  | { readonly kind: 'at_least_as_fresh'; readonly token: string }
  | { readonly kind: 'fully_consistent' };

export const MINIMIZE_LATENCY = { kind: 'minimize_latency' } as const satisfies Consistency;
export const FULLY_CONSISTENT = { kind: 'fully_consistent' } as const satisfies Consistency;

const STRENGTH = { minimize_latency: 0, at_least_as_fresh: 1, fully_consistent: 2 } as const;

/**
 * The consistency that satisfies both. Two different tokens can't be compared, so together they ask for the freshest.
 */
export function strongerConsistency(a: Consistency, b: Consistency): Consistency {
  if (a.kind === 'at_least_as_fresh' && b.kind === 'at_least_as_fresh' && a.token !== b.token) return FULLY_CONSISTENT;
  return STRENGTH[a.kind] >= STRENGTH[b.kind] ? a : b;
}
