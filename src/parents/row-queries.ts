import { TaskgateError } from '../domain/errors.ts';
import type { PrincipalKind } from '../domain/principal.ts';
import type { RowValues } from '../domain/row-values.ts';
import type { ConfirmedSource, PostgresSource } from './postgres-catalogue.ts';
import { confirmSources, quoteIdentifier, SourceProblemsError } from './postgres-catalogue.ts';
import type { QueryBounds, Sql } from './sql.ts';

/** Where the rows of a registered type stand. */
export interface RowSource extends PostgresSource {
  /** Absent: its rows have ids, and say nothing of what registering would write. */
  readonly rows?: RowValues;
}

/** The queries over one table. In what they return all is text: `row_count`; or `row_id`, and in a page `row_owner_0`, … , `row_account`, `row_parent`. */
export interface RowQueries {
  readonly count: string;
  /** $1: the number of rows. */
  readonly firstPage: string;
  /** $1: the number of rows, $2: the id that they come after. */
  readonly nextPage: string;
  /** $1: the array of ids. */
  readonly present: string;
  /** False for an id that no row can have; it must not be asked. */
  readonly isCanonical: (id: string) => boolean;
  /** The kind of principal in `row_owner_0`, `row_owner_1`, … */
  readonly ownerKinds: readonly PrincipalKind[];
}

/** SQLSTATE classes that say that a statement itself is wrong: data exception, feature not supported, syntax or access rule. */
const STATEMENT_IS_WRONG = /^(?:22|0A|42)/;
const NOTHING = 'NULL::text';

/**
 * Makes the queries over the tables of registered types, and confirms each table, column and expression by having the
 * database prepare it.
 *
 * @throws SourceProblemsError naming every setting that the database does not take.
 * @throws TaskgateError when the database can't be asked.
 */
export async function confirmRowSources(
  sql: Sql,
  sources: readonly RowSource[],
  bounds: QueryBounds,
): Promise<ReadonlyMap<string, RowQueries>> {
  // Their names are looked up elsewhere, and may be closed to whoever reads the rows.
  const bare = sources.map(({ type, table, id }) => ({ type, table, id, parents: {} }));
  const confirmed = await confirmSources(sql, bare, bounds);
  const problems: string[] = [];
  const queries = new Map<string, RowQueries>();
  for (const { type, rows } of sources) {
    const source = confirmed.get(type);
    if (source === undefined) continue;
    const made = toRowQueries(source, rows);
    queries.set(type, made);
    const whole = await findProblem(sql, made.firstPage, bounds);
    if (whole === undefined) continue;
    const found: string[] = [];
    for (const { setting, text } of toSingleQueries(source, rows)) {
      const problem = await findProblem(sql, text, bounds);
      if (problem !== undefined) found.push(`types.${type}.rows.${setting}: ${problem}`);
    }
    problems.push(...(found.length > 0 ? found : [`types.${type}.rows: ${whole}`]));
  }
  if (problems.length > 0) throw new SourceProblemsError(problems);
  return queries;
}

function toRowQueries({ source, table, idType, columns }: ConfirmedSource, rows: RowValues | undefined): RowQueries {
  const id = quoteIdentifier(source.id);
  const text = (value: string | undefined): string => (value === undefined ? NOTHING : toText(value, columns));
  // ORDER BY takes a name for a result's before it takes it for a column's: results have names that no column has.
  const selected = [
    `${id}::text AS "row_id"`,
    ...(rows?.owner ?? []).map(({ value }, index) => `${text(value)} AS "row_owner_${index}"`),
    `${text(rows?.account)} AS "row_account"`,
    `${text(rows?.parent)} AS "row_parent"`,
  ].join(', ');
  const filter = rows?.where === undefined ? '' : ` AND ${toSql(rows.where, columns)}`;
  const page = (condition: string): string =>
    `SELECT ${selected} FROM ${table} WHERE ${condition}${filter} ORDER BY ${id} LIMIT $1`;
  const idOnly = `SELECT ${id}::text AS "row_id" FROM ${table} WHERE ${id}`;
  return {
    count: `SELECT count(*)::text AS "row_count" FROM ${table} WHERE ${id} IS NOT NULL${filter}`,
    firstPage: page(`${id} IS NOT NULL`),
    nextPage: page(`${id} > $2::${idType.arrayType.replace('[]', '')}`),
    present: `${idOnly} = ANY($1::${idType.arrayType})${filter}`,
    isCanonical: idType.isCanonical,
    ownerKinds: (rows?.owner ?? []).map(({ kind }) => kind),
  };
}

/** One query for each setting, to find the one that the database does not take. */
function toSingleQueries({ table, columns }: ConfirmedSource, rows: RowValues | undefined) {
  if (rows === undefined) return [];
  const { owner, account, parent, where } = rows;
  const select = (value: string): string => `SELECT ${toText(value, columns)} FROM ${table} LIMIT $1`;
  return [
    ...owner.map(({ kind, value }) => ({ setting: `owner.${kind}`, text: select(value) })),
    { setting: 'account', text: select(account) },
    ...(parent === undefined ? [] : [{ setting: 'parent', text: select(parent) }]),
    ...(where === undefined
      ? []
      : [{ setting: 'where', text: `SELECT 1 FROM ${table} WHERE ${toSql(where, columns)} LIMIT $1` }]),
  ];
}

function toText(value: string, columns: ReadonlySet<string>): string {
  return `${toSql(value, columns)}::text`;
}

/** An expression stands on lines of its own, so that a comment in it ends where it does. */
function toSql(value: string, columns: ReadonlySet<string>): string {
  return columns.has(value) ? quoteIdentifier(value) : `(\n${value}\n)`;
}

/** What the database says against a query whose only parameter is the number of rows. */
async function findProblem(sql: Sql, text: string, bounds: QueryBounds): Promise<string | undefined> {
  try {
    await sql.query(text, [0], bounds);
    return undefined;
  } catch (error) {
    const { cause } = error instanceof TaskgateError ? error : { cause: error };
    if (!(cause instanceof Error) || !('code' in cause)) throw error;
    if (typeof cause.code !== 'string' || !STATEMENT_IS_WRONG.test(cause.code)) throw error;
    return `the database does not take it: ${cause.message}`;
  }
}
