import type { CallContext, LookupPurpose, ParentKey, ParentLookup, ParentResult } from '../authorize/ports.ts';
import { failedWith } from './wait-or-leave.ts';

/**
 * What every caching layer does with the keys that it has no result for: asks the next layer for those alone, and puts
 * the results where they belong.
 *
 * @param results has a hole for each miss, and is filled.
 * @returns where the misses were.
 */
export async function lookupMisses(
  keys: readonly ParentKey[],
  results: (ParentResult | undefined)[],
  next: ParentLookup,
  context: CallContext,
  purpose?: LookupPurpose,
): Promise<readonly number[]> {
  const misses: number[] = [];
  const missing = keys.filter((_, index) => {
    const isMiss = results[index] === undefined;
    if (isMiss) misses.push(index);
    return isMiss;
  });
  if (misses.length === 0) return misses;
  const found = await next.lookup(missing, context, purpose);
  misses.forEach((index, position) => {
    results[index] = found[position] ?? failedWith('too few parent results');
  });
  return misses;
}

/** The results, now that no hole is left. */
export function withoutHoles(results: readonly (ParentResult | undefined)[]): readonly ParentResult[] {
  return results.map((result) => result ?? failedWith('a parent result is missing'));
}
