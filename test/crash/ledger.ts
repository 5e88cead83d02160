import type { AppRow } from './protocol.ts';

/** What whoever asked was told of one resource. */
export interface Entry {
  readonly row: AppRow;
  /** False: only its row was written. */
  readonly isRegistered: boolean;
  /** `unknown`: no answer came. */
  created: 'unknown' | 'done' | 'failed';
  /** `unknown`: it was asked, and no answer said that it was done. */
  deleted: 'no' | 'unknown' | 'done';
  /** Why the last operation failed, in the application's words. */
  reason?: string;
}

/** All that was asked of the application, and what it answered. Ids are never used again. */
export interface Ledger {
  readonly entries: ReadonlyMap<string, Entry>;
  add(row: AppRow, isRegistered: boolean): Entry;
  /** Resources that were acknowledged, and may still be there. */
  standing(): readonly Entry[];
}

export function createLedger(): Ledger {
  const entries = new Map<string, Entry>();
  return {
    entries,
    add(row, isRegistered) {
      const entry: Entry = { row, isRegistered, created: 'unknown', deleted: 'no' };
      entries.set(row.id, entry);
      return entry;
    },
    standing: () => [...entries.values()].filter(({ created, deleted }) => created === 'done' && deleted !== 'done'),
  };
}
