import type { ParentKey, ParentLookup, ParentObserver, ParentResult } from '../../src/authorize/ports.ts';
import type { ExpiryOptions } from '../../src/parents/expiry.ts';
import type { KeyRing } from '../../src/parents/parent-entry.ts';
import type { Sql } from '../../src/parents/sql.ts';

export const KEY_RING: KeyRing = [{ id: 'now', secret: 'the secret of now, 32 characters' }];

export const EXPIRY: ExpiryOptions = { foundTtlMs: 60_000, absentTtlMs: 5_000, nameTtlMs: 5_000, jitter: 0 };

export const SILENT: ParentObserver = { counted: () => undefined, faulted: () => undefined };

/** The task that a message hangs off. */
export function messageKey(value: string): ParentKey {
  return { type: 'message', by: 'id', value, parentType: 'task' };
}

export const found = (id: string): ParentResult => ({ kind: 'found', id });
export const ABSENT: ParentResult = { kind: 'absent' };

/** A lookup that answers what `answer` says, and remembers what it was asked. */
export function createSource(answer: (key: ParentKey) => ParentResult | Promise<ParentResult>) {
  const asked: ParentKey[][] = [];
  const lookup: ParentLookup = {
    async lookup(keys) {
      asked.push([...keys]);
      return Promise.all(keys.map(async (key) => answer(key)));
    },
  };
  return { ...lookup, asked };
}

/** A manual clock. */
export function createClock(startMs = 1_000_000) {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

/** Counts the queries that are not about the catalogue. */
export function countQueries(sql: Sql): Sql & { readonly lookups: () => number } {
  let lookups = 0;
  return {
    async query(text, values, bounds) {
      if (!text.includes('pg_catalog')) lookups += 1;
      return sql.query(text, values, bounds);
    },
    close: async () => sql.close(),
    lookups: () => lookups,
  };
}
