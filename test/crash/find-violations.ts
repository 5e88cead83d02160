import type { Ledger } from './ledger.ts';
import type { Truth } from './truth.ts';
import { toRelationships } from './truth.ts';

/** Something that must never be, whatever was killed. */
export interface Violation {
  readonly what: string;
  readonly id: string;
  readonly detail: string;
}

/**
 * What a crash must not do even before anything is repaired: a row that was registered before it was written, and is
 * deregistered after it is deleted, has its relationships at every moment.
 */
export function findViolationsBeforeRepair({ entries }: Ledger, { rows, relationships }: Truth): readonly Violation[] {
  return [...rows.values()].flatMap((row) => {
    if (entries.get(row.id)?.isRegistered !== true) return [];
    const detail = difference(toRelationships(row), relationships.get(row.id)?.relationships ?? new Set());
    return detail === undefined ? [] : [{ what: 'lost: a registered row lacks its relationships', id: row.id, detail }];
  });
}

/** What must hold once everything is repaired: both stores agree, and everyone was told the truth. */
export function findViolationsAfterRepair({ entries }: Ledger, { rows, relationships }: Truth): readonly Violation[] {
  const violations: Violation[] = [];
  for (const row of rows.values()) {
    const detail = difference(toRelationships(row), relationships.get(row.id)?.relationships ?? new Set());
    if (detail !== undefined) violations.push({ what: 'a row without exactly its relationships', id: row.id, detail });
  }
  for (const [id, registered] of relationships) {
    const detail = [...registered.relationships].join(' ');
    if (!rows.has(id)) violations.push({ what: 'relationships without a row', id, detail });
  }
  for (const [id, { row, created, deleted }] of entries) {
    const detail = `${row.type}, created: ${created}, deleted: ${deleted}`;
    const isThere = rows.has(id);
    if (created === 'done' && deleted === 'no' && !isThere)
      violations.push({ what: 'lost: acknowledged as created, and gone', id, detail });
    if (deleted === 'done' && isThere)
      violations.push({ what: 'back: acknowledged as deleted, and there', id, detail });
    if (created === 'failed' && isThere) violations.push({ what: 'refused, and there', id, detail });
  }
  return violations;
}

/** Rows and relationships that have no counterpart. */
export function countDrift({ rows, relationships }: Truth): {
  readonly orphans: number;
  readonly unregistered: number;
} {
  return {
    orphans: [...relationships.keys()].filter((id) => !rows.has(id)).length,
    unregistered: [...rows.keys()].filter((id) => !relationships.has(id)).length,
  };
}

function difference(wanted: ReadonlySet<string>, found: ReadonlySet<string>): string | undefined {
  const missing = [...wanted]
    .filter((relationship) => !found.has(relationship))
    .map((relationship) => `-${relationship}`);
  const excess = [...found]
    .filter((relationship) => !wanted.has(relationship))
    .map((relationship) => `+${relationship}`);
  return missing.length + excess.length === 0 ? undefined : [...missing, ...excess].join(' ');
}
