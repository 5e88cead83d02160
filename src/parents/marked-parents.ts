import type { ParentLookup, ParentOrigin, ParentResult } from '../authorize/ports.ts';
import type { KeptUntilMs } from './expiry.ts';

/** Says of each result which layer it came from, where a layer below has not said so. */
export function createMarkedParents(
  { next, keptUntilMs }: { readonly next: ParentLookup; readonly keptUntilMs: KeptUntilMs },
  source: ParentOrigin,
): ParentLookup {
  const mark = (result: ParentResult): ParentResult => {
    if (result.kind === 'failed' || result.source !== undefined) return result;
    const marked = { ...result, source };
    const keptMs = keptUntilMs.get(result);
    if (keptMs !== undefined) keptUntilMs.set(marked, keptMs);
    return marked;
  };
  return {
    peek(key, purpose) {
      const result = next.peek?.(key, purpose);
      return result && mark(result);
    },
    async lookup(keys, context, purpose) {
      return (await next.lookup(keys, context, purpose)).map(mark);
    },
  };
}
