import type { ParentKey, ParentResult } from '../authorize/ports.ts';
import { failedWith } from './wait-or-leave.ts';

/** Looks up keys that belong to different places: each place its own, all at once, and the results in the keys' order. */
export async function lookupInParts<Part>(
  keys: readonly ParentKey[],
  partOf: (key: ParentKey) => Part,
  lookup: (part: Part, keys: readonly ParentKey[]) => Promise<readonly ParentResult[]>,
): Promise<readonly ParentResult[]> {
  const indexes = new Map<Part, number[]>();
  keys.forEach((key, index) => {
    const part = partOf(key);
    const known = indexes.get(part);
    if (known === undefined) indexes.set(part, [index]);
    else known.push(index);
  });
  const [only] = indexes.keys();
  if (only !== undefined && indexes.size === 1) return lookup(only, keys);
  const results: ParentResult[] = Array.from({ length: keys.length });
  const lookups = [...indexes].map(async ([part, places]) => {
    const found = await lookup(
      part,
      places.flatMap((index) => keys[index] ?? []),
    );
    places.forEach((index, position) => {
      results[index] = found[position] ?? failedWith('too few parent results');
    });
  });
  await Promise.all(lookups);
  return results;
}
