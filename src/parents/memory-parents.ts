import { LRUCache } from 'lru-cache';
import { copyText } from '../domain/copy-text.ts';
import type { ParentLookup, ParentObserver, ParentResult } from '../authorize/ports.ts';
import type { ExpiryDeps } from './expiry.ts';
import { lookupMisses, withoutHoles } from './lookup-misses.ts';
import type { CacheableResult } from './parent-entry.ts';
import { toParentKeyText } from './parent-key.ts';

interface MemoryEntry {
  readonly result: CacheableResult;
  readonly expiresAtMs: number;
}

export interface MemoryParentsOptions {
  /** Entries that are kept; the one that was used longest ago goes first. */
  readonly maxEntries: number;
}

/** Keeps results in this process. A fault is never kept. */
export function createMemoryParents(
  {
    next,
    clock,
    expiryOf,
    keptUntilMs,
    observer,
  }: ExpiryDeps & { readonly next: ParentLookup; readonly observer: ParentObserver },
  { maxEntries }: MemoryParentsOptions,
): ParentLookup {
  const entries = new LRUCache<string, MemoryEntry>({ max: maxEntries });

  const read = (key: string, nowMs: number): CacheableResult | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry.result : undefined;
  };
  /** An absence that was read before a child was found must not hide it. */
  const write = (key: string, entry: MemoryEntry, nowMs: number): void => {
    if (entry.result.kind === 'absent' && read(key, nowMs)?.kind === 'found') return;
    entries.set(copyText(key), entry);
  };

  return {
    peek(key) {
      const result = read(toParentKeyText(key), clock.nowMs());
      if (result !== undefined) observer.counted('memory', 'hit', 1);
      return result;
    },
    async lookup(keys, context) {
      const startedAtMs = clock.nowMs();
      const texts = keys.map(toParentKeyText);
      const results: (ParentResult | undefined)[] = texts.map((text) => read(text, startedAtMs));
      const misses = await lookupMisses(keys, results, next, context);
      const readAtMs = clock.nowMs();
      for (const index of misses) {
        const [key, result] = [keys[index], results[index]];
        if (key === undefined || result === undefined || result.kind === 'failed') continue;
        const expiresAtMs = Math.min(expiryOf(key, result, startedAtMs), keptUntilMs?.get(result) ?? Infinity);
        write(texts[index] ?? '', { result, expiresAtMs }, readAtMs);
      }
      if (misses.length < keys.length) observer.counted('memory', 'hit', keys.length - misses.length);
      if (misses.length > 0) observer.counted('memory', 'miss', misses.length);
      return withoutHoles(results);
    },
  };
}
