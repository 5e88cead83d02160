import type { ColumnType } from './column-type.ts';
import { COLUMN_TYPES } from './column-type.ts';
import type { QueryBounds, Sql } from './sql.ts';

/** Where a type's parents and names stand. Identifiers as in the catalogue, not quoted. */
export interface PostgresSource {
  readonly type: string;
  /** `table` or `schema.table`. */
  readonly table: string;
  readonly id: string;
  /** The column with the unique name, if the type has one. */
  readonly name?: string;
  /** Parent type → column with the parent's id. */
  readonly parents: Readonly<Record<string, string>>;
}

/** A source that the catalogue confirmed. */
export interface ConfirmedSource {
  readonly source: PostgresSource;
  /** Quoted. */
  readonly table: string;
  readonly idType: ColumnType;
  readonly nameType: ColumnType | undefined;
  /** The names of all columns of the table. */
  readonly columns: ReadonlySet<string>;
}

/** What the catalogue says against the configured sources. Its message names every setting. */
export class SourceProblemsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the database does not fit the configuration: ${problems.join('; ')}`);
    this.name = 'SourceProblemsError';
    this.problems = problems;
  }
}

const COLUMNS = `
  SELECT a.attname AS "column", t.typname AS "type",
         has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS "readable",
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i
                 WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                   AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS "unique"
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

const ANSWERED = ['column', 'type', 'readable', 'unique'];

interface Column {
  readonly type: string;
  readonly readable: boolean;
  readonly unique: boolean;
}

/**
 * Confirms every source against the catalogue: its table and columns are there and readable, ids and names are unique
 * and of a type that compares exactly.
 *
 * @throws SourceProblemsError with everything that is wrong.
 * @throws TaskgateError when the catalogue can't be read.
 */
export async function confirmSources(
  sql: Sql,
  sources: readonly PostgresSource[],
  bounds: QueryBounds,
): Promise<ReadonlyMap<string, ConfirmedSource>> {
  const problems: string[] = [];
  const confirmed = new Map<string, ConfirmedSource>();
  for (const source of sources) {
    const table = source.table.split('.').map(quoteIdentifier).join('.');
    const columns = toColumns(await sql.query(COLUMNS, [table], { ...bounds, columns: ANSWERED }));
    const report = (setting: string, problem: string): void =>
      void problems.push(`types.${source.type}.${setting}: ${problem}`);
    if (columns.size === 0) {
      report('table', `there is no table ${source.table}`);
      continue;
    }
    const idType = confirmKeyColumn(source.id, 'id', columns, report);
    const nameType = source.name === undefined ? undefined : confirmKeyColumn(source.name, 'name', columns, report);
    for (const [parentType, column] of Object.entries(source.parents)) {
      confirmColumn(column, `parents.${parentType}`, columns, report);
    }
    if (idType !== undefined) {
      confirmed.set(source.type, { source, table, idType, nameType, columns: new Set(columns.keys()) });
    }
  }
  if (problems.length > 0) throw new SourceProblemsError(problems);
  return confirmed;
}

/** `a"b` → `"a""b"`. */
export function quoteIdentifier(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

type Report = (setting: string, problem: string) => void;

function confirmColumn(
  name: string,
  setting: string,
  columns: ReadonlyMap<string, Column>,
  report: Report,
): Column | undefined {
  const column = columns.get(name);
  if (column === undefined) report(setting, `there is no column ${name}`);
  else if (!column.readable) report(setting, `the database role may not read column ${name}`);
  return column;
}

function confirmKeyColumn(
  name: string,
  setting: string,
  columns: ReadonlyMap<string, Column>,
  report: Report,
): ColumnType | undefined {
  const column = confirmColumn(name, setting, columns, report);
  if (column === undefined) return undefined;
  if (!column.unique) report(setting, `column ${name} has no unique index of its own`);
  const type = COLUMN_TYPES.get(column.type);
  if (type === undefined) {
    report(setting, `column ${name} is of type ${column.type}; it must be ${[...COLUMN_TYPES.keys()].join(', ')}`);
  }
  return type;
}

function toColumns(rows: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<string, Column> {
  return new Map(
    rows.map((row) => [
      String(row['column']),
      { type: String(row['type']), readable: row['readable'] === true, unique: row['unique'] === true },
    ]),
  );
}
