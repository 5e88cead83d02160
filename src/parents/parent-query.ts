import type { ParentKey, ParentResult } from '../authorize/ports.ts';
import { InternalError, UnavailableError } from '../domain/errors.ts';
import type { ConfirmedSource } from './postgres-catalogue.ts';
import { quoteIdentifier } from './postgres-catalogue.ts';

/** One query for any number of keys of a type: its rows have the column `key` and one for each parent. */
export interface ParentQuery {
  /** Takes one parameter: the array of keys. */
  readonly text: string;
  /** The columns of the answer, in order. */
  readonly columns: readonly string[];
  /** False for a value that no row can have; it must not be asked. */
  readonly isCanonical: (value: string) => boolean;
  /** The column of the rows that holds the id of the parent; undefined if the type has no such parent. */
  readonly columnOf: (parentType: string) => string | undefined;
}

export function toParentQuery({ source, table, idType, nameType }: ConfirmedSource, by: ParentKey['by']): ParentQuery {
  const keyColumn = by === 'id' ? source.id : source.name;
  const keyType = by === 'id' ? idType : nameType;
  if (keyColumn === undefined || keyType === undefined)
    throw new InternalError({ cause: `${source.type} has no name` });
  // A name of a registered type resolves to the id of the resource itself.
  const targets = Object.entries({ [source.type]: source.id, ...source.parents });
  const key = quoteIdentifier(keyColumn);
  const columns = targets.map(([, column], index) => `${quoteIdentifier(column)}::text AS "parent_${index}"`);
  const asked = `ANY($1::${keyType.arrayType})`;
  // The index finds what the column's collation takes for the same; a row that was not asked for must not come.
  const exactly = keyType.arrayType === 'text[]' ? ` AND ${key}::text COLLATE "C" = ${asked}` : '';
  return {
    text: `SELECT ${key}::text AS "key", ${columns.join(', ')} FROM ${table} WHERE ${key} = ${asked}${exactly}`,
    columns: ['key', ...targets.map((_, index) => `parent_${index}`)],
    isCanonical: keyType.isCanonical,
    columnOf(parentType) {
      const index = targets.findIndex(([type]) => type === parentType);
      return index === -1 ? undefined : `parent_${index}`;
    },
  };
}

/** What the rows with one key say. Two that disagree are a fault: there is no choosing between parents. */
export function toParentResult(
  rows: readonly Readonly<Record<string, unknown>>[],
  column: string | undefined,
): ParentResult {
  if (column === undefined)
    return { kind: 'failed', error: new InternalError({ cause: 'the type has no such parent' }) };
  const [first, ...others] = rows;
  if (first === undefined) return { kind: 'absent' };
  const parent = first[column];
  if (others.some((row) => row[column] !== parent)) return unreadable('two rows with one key have different parents');
  if (parent === null) return { kind: 'absent' };
  if (typeof parent !== 'string' || parent === '') return unreadable('a parent is not a text');
  return { kind: 'found', id: parent };
}

function unreadable(cause: string): ParentResult {
  return { kind: 'failed', error: new UnavailableError('database', { cause }) };
}
