import { LRUCache } from 'lru-cache';
import { copyText } from '../domain/copy-text.ts';
import type { LookupPurpose, ParentKey, ParentLookup, ParentObserver, ParentResult } from '../authorize/ports.ts';
import type { ExpiryDeps } from './expiry.ts';
import { lookupMisses, withoutHoles } from './lookup-misses.ts';
import type { CacheableResult } from './parent-entry.ts';
import { toParentKeyText } from './parent-key.ts';

interface MemoryEntry {
  readonly result: CacheableResult;
  readonly expiresAtMs: number;
  /** Until when it is grounds for a denial: for as long as an absence would be kept. */
  readonly deniesUntilMs: number;
}

/** Where it came from is of no interest any more. */
function toKept(result: CacheableResult): CacheableResult {
  return result.kind === 'found' ? { kind: 'found', id: result.id } : ABSENT;
}

const ABSENT: CacheableResult = { kind: 'absent' };

export interface MemoryParentsOptions {
  /** Entries that are kept; the one that was used longest ago goes first. */
  readonly maxEntries: number;
}

export interface MemoryParents extends ParentLookup {
  /** What is kept of a key, for operators: nothing is counted, and it counts as no use of the entry. */
  inspect(key: ParentKey): { readonly result: CacheableResult; readonly expiresInMs: number } | undefined;
  /** Entries that are kept, expired ones included. */
  size(): number;
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
): MemoryParents {
  const entries = new LRUCache<string, MemoryEntry>({ max: maxEntries });

  const read = (key: string, nowMs: number, purpose: LookupPurpose = 'any'): CacheableResult | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAtMs <= nowMs) return undefined;
    return purpose === 'any' || entry.deniesUntilMs > nowMs ? entry.result : undefined;
  };
  /** An absence that was read before a child was found must not hide it. */
  const write = (key: string, entry: MemoryEntry, nowMs: number): void => {
    if (entry.result.kind === 'absent' && read(key, nowMs)?.kind === 'found') return;
    entries.set(copyText(key), entry);
    observer.kept?.(entries.size);
  };

  return {
    inspect(key) {
      const entry = entries.peek(toParentKeyText(key));
      const expiresInMs = entry === undefined ? 0 : Math.round(entry.expiresAtMs - clock.nowMs());
      return entry === undefined || expiresInMs <= 0 ? undefined : { result: entry.result, expiresInMs };
    },
    size: () => entries.size,
    peek(key, purpose) {
      const result = read(toParentKeyText(key), clock.nowMs(), purpose);
      if (result !== undefined && purpose !== 'denial') observer.counted('memory', 'hit', 1);
      return result;
    },
    async lookup(keys, context, purpose) {
      const startedAtMs = clock.nowMs();
      const texts = keys.map(toParentKeyText);
      const results: (ParentResult | undefined)[] = texts.map((text) => read(text, startedAtMs, purpose));
      const misses = await lookupMisses(keys, results, next, context, purpose);
      const readAtMs = clock.nowMs();
      for (const index of misses) {
        const [key, result] = [keys[index], results[index]];
        if (key === undefined || result === undefined || result.kind === 'failed') continue;
        const keptMs = keptUntilMs?.get(result);
        const expiresAtMs = Math.min(expiryOf(key, result, startedAtMs), keptMs ?? Infinity);
        // Of what another layer has kept nobody knows since when.
        const isOld = result.kind === 'found' && keptMs !== undefined;
        const deniesUntilMs = isOld ? 0 : Math.min(expiresAtMs, expiryOf(key, ABSENT, startedAtMs));
        write(texts[index] ?? '', { result: toKept(result), expiresAtMs, deniesUntilMs }, readAtMs);
      }
      if (misses.length < keys.length) observer.counted('memory', 'hit', keys.length - misses.length);
      if (misses.length > 0) observer.counted('memory', 'miss', misses.length);
      return withoutHoles(results);
    },
  };
}
