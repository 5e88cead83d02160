/** What bounds one query. */
export interface QueryBounds {
  readonly signal: AbortSignal;
  /** Milliseconds that the query may take, waiting for a connection included. */
  readonly timeoutMs: number;
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
    bounds: QueryBounds,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}
