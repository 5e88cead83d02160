import type { CallContext, ParentKey, ParentLookup, ParentResult } from '../authorize/ports.ts';
import { InternalError } from '../domain/errors.ts';

/**
 * What every caching layer does with the keys that it has no result for: asks the next layer for those alone, and puts
 * the results where they belong.
 *
 * @param results has a hole for each miss, and is filled.
 * @returns the misses with their results.
 */
export async function lookupMisses(
  keys: readonly ParentKey[],
  results: (ParentResult | undefined)[],
  next: ParentLookup,
  context: CallContext,
): Promise<readonly { readonly key: ParentKey; readonly index: number; readonly result: ParentResult }[]> {
  const misses = keys.flatMap((key, index) => (results[index] === undefined ? [{ key, index }] : []));
  if (misses.length === 0) return [];
  const found = await next.lookup(
    misses.map(({ key }) => key),
    context,
  );
  return misses.map(({ key, index }, position) => {
    const result = found[position] ?? { kind: 'failed', error: new InternalError({ cause: 'too few parent results' }) };
    results[index] = result;
    return { key, index, result };
  });
}

/** The results, now that no hole is left. */
export function withoutHoles(results: readonly (ParentResult | undefined)[]): readonly ParentResult[] {
  return results.map(
    (result) => result ?? { kind: 'failed', error: new InternalError({ cause: 'a parent result is missing' }) },
  );
}
