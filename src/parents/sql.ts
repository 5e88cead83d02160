import { UnavailableError } from '../domain/errors.ts';

/** What bounds one query. */
export interface QueryBounds {
  readonly signal: AbortSignal;
  /** Milliseconds that the query may take, waiting for a connection included. */
  readonly timeoutMs: number;
}

export interface QueryOptions extends QueryBounds {
  /** The columns that the answer must have, with rows or without. Without it any columns will do, but not none at all. */
  readonly columns?: readonly string[];
}

/** The application's database, as narrow as parents need it. */
export interface Sql {
  /**
   * @returns the rows, by column.
   * @throws TaskgateError when it is not known what the rows are.
   */
  query(
    text: string,
    values: readonly unknown[],
    options: QueryOptions,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/**
 * An answer to another question has no rows for this one, which would look like absence.
 *
 * @throws UnavailableError if the columns of an answer are not those that were asked for.
 */
export function assertColumns(answered: readonly { readonly name: string }[], asked?: readonly string[]): void {
  const names = answered.map(({ name }) => name);
  const isAnswer = asked === undefined ? names.length > 0 : names.join() === asked.join();
  if (!isAnswer) throw new UnavailableError('database', { cause: 'an answer with other columns than were asked for' });
}
