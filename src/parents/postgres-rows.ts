import type { CallContext } from '../authorize/ports.ts';
import type { RegisteredRow, RegisteredRows } from '../authorize/ports-lifecycle.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { RowQueries } from './row-queries.ts';
import type { QueryBounds, Sql } from './sql.ts';

/** Keys that one query is asked for. */
const MAX_KEYS = 10_000;

type Row = Readonly<Record<string, unknown>>;

/** Reads the rows of a registered type. An answer that can't be right is a fault, never an absence. */
export function createPostgresRows(
  { sql, queries }: { readonly sql: Sql; readonly queries: RowQueries },
  { timeoutMs }: { /** Milliseconds that one query may take. */ readonly timeoutMs: number },
): RegisteredRows {
  const boundsOf = ({ signal }: CallContext): QueryBounds => ({ signal, timeoutMs });
  return {
    async count(context) {
      const [row, ...others] = await sql.query(queries.count, [], boundsOf(context));
      const count = Number(row?.['row_count'] ?? Number.NaN);
      if (others.length > 0 || !Number.isSafeInteger(count)) throw malformed('a count is no number');
      return count;
    },

    async page(after, limit, context) {
      const bounds = boundsOf(context);
      const rows = await (after === undefined
        ? sql.query(queries.firstPage, [limit], bounds)
        : sql.query(queries.nextPage, [limit, after], bounds));
      if (rows.length > limit) throw malformed('a page has too many rows');
      const parsed = rows.map((row) => parseRow(row, queries));
      const ids = new Set(parsed.map(({ id }) => id));
      if (ids.size < rows.length || (after !== undefined && ids.has(after))) throw malformed('an id comes twice');
      return parsed;
    },

    async present(ids, context) {
      const asked = ids.filter(queries.isCanonical);
      const found = new Set<string>();
      for (let at = 0; at < asked.length; at += MAX_KEYS) {
        const keys = asked.slice(at, at + MAX_KEYS);
        const askedKeys = new Set(keys);
        const options = { ...boundsOf(context), columns: ['row_id'] };
        for (const row of await sql.query(queries.present, [keys], options)) {
          const id = textOf(row, 'row_id');
          if (id === undefined || !askedKeys.has(id)) throw malformed('a row that was not asked for');
          found.add(id);
        }
      }
      return found;
    },
  };
}

function parseRow(row: Row, { ownerKinds }: RowQueries): RegisteredRow {
  const id = textOf(row, 'row_id');
  if (id === undefined) throw malformed('a row without an id');
  const [owner] = ownerKinds.flatMap((kind, index) => {
    const ownerId = textOf(row, `row_owner_${index}`);
    return ownerId === undefined ? [] : [{ kind, id: ownerId }];
  });
  return { id, owner, account: textOf(row, 'row_account'), parentId: textOf(row, 'row_parent') };
}

function textOf(row: Row, column: string): string | undefined {
  const value = row[column];
  if (value === null) return undefined;
  if (typeof value !== 'string') throw malformed(`${column} is not a text`);
  return value;
}

function malformed(what: string): UnavailableError {
  return new UnavailableError('database', { cause: `the database's answer is malformed: ${what}` });
}
