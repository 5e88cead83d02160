import { LRUCache } from 'lru-cache';
import type { Clock, RelationshipCheck, RelationshipResult, Relationships } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import { checkKey } from './check-key.ts';
import type { Freshness, Moment, ObjectName } from './freshness.ts';
import { toObjectName } from './spicedb-requests.ts';

export interface DecisionCacheOptions {
  /** Answers that are kept; the one that was used longest ago goes first. Default 100,000. */
  readonly maxEntries?: number;
  /** Milliseconds after which an answer is asked again, whatever is told of changes. Default 5,000. */
  readonly ttlMs?: number;
}

interface Entry {
  readonly result: RelationshipResult & { readonly kind: 'held' | 'denied' };
  readonly checkedAt: string;
  /** What was asked about, as changes name it. */
  readonly object: ObjectName;
  /** The moment at which the check began: a change after it may not be in the answer. */
  readonly moment: Moment;
  readonly expiresAtMs: number;
}

/**
 * Keeps answers for as long as nothing that bears on them has changed. While changes may be missed it is not there: it
 * neither answers nor keeps.
 *
 * Only minimise-latency is answered from it; a caller that asks for more gets a read of its own. An answer is kept with
 * the moment at which its check *began*, so that a change which was told meanwhile voids it. Faults are never kept.
 */
export function createDecisionCache(
  { inner, freshness, clock }: { readonly inner: Relationships; readonly freshness: Freshness; readonly clock: Clock },
  { maxEntries = 100_000, ttlMs = 5_000 }: DecisionCacheOptions = {},
): Relationships {
  const entries = new LRUCache<string, Entry>({ max: maxEntries });

  const read = (key: string): Entry | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAtMs <= clock.nowMs()) return undefined;
    return freshness.holdsSince(entry.object, entry.moment) ? entry : undefined;
  };
  const keep = (
    key: string,
    { object: asked }: RelationshipCheck,
    answer: Omit<Entry, 'object' | 'expiresAtMs'>,
  ): void => {
    const object = toObjectName(asked);
    entries.set(key, { ...answer, object, expiresAtMs: clock.nowMs() + ttlMs });
  };

  return {
    peek: (check) => (freshness.now() === undefined ? undefined : read(checkKey(check))),
    async check(checks, consistency, context) {
      const moment = freshness.now();
      if (moment === undefined) return inner.check(checks, consistency, context);
      const keys = checks.map(checkKey);
      const known = keys.map((key) => (consistency.kind === 'minimize_latency' ? read(key) : undefined));
      const missing = checks.filter((_, index) => known[index] === undefined);
      const answer = missing.length === 0 ? undefined : await inner.check(missing, consistency, context);
      const answered = answer?.results.values();
      const results = checks.map((check, index): RelationshipResult => {
        const entry = known[index];
        if (entry !== undefined) return entry.result;
        const result = answered?.next().value ?? { kind: 'failed', error: new UnavailableError('spicedb') };
        if (result.kind !== 'failed') {
          keep(keys[index] ?? '', check, { result, checkedAt: answer?.checkedAt ?? '', moment });
        }
        return result;
      });
      // A token comes with what is held; an answer without anything held may have none.
      const held = known.find((entry) => entry?.result.kind === 'held');
      return { results, checkedAt: answer?.checkedAt || held?.checkedAt || '' };
    },
  };
}
