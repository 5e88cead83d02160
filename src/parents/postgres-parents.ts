import type { ParentKey, ParentLookup, ParentObserver, ParentResult } from '../authorize/ports.ts';
import { InternalError, TaskgateError, UnavailableError } from '../domain/errors.ts';
import { lookupInParts } from './lookup-in-parts.ts';
import type { MicroBatchOptions } from './micro-batch.ts';
import { createMicroBatch } from './micro-batch.ts';
import type { ConfirmedSource, PostgresSource } from './postgres-catalogue.ts';
import { confirmSources } from './postgres-catalogue.ts';
import { toParentQuery, toParentResult } from './parent-query.ts';
import type { QueryBounds, Sql } from './sql.ts';
import { failedWith, waitOrLeave } from './wait-or-leave.ts';

export interface PostgresParentsOptions extends MicroBatchOptions {
  /** Milliseconds that one query may take. */
  readonly timeoutMs: number;
}

export interface PostgresParents extends ParentLookup {
  /**
   * Confirms the sources against the catalogue, once, and that the database answers.
   *
   * @throws SourceProblemsError if the database does not fit the configuration.
   * @throws TaskgateError if it can't be asked.
   */
  check(bounds: QueryBounds): Promise<void>;
}

type ParentBatch = (keys: readonly ParentKey[]) => Promise<readonly ParentResult[]>;

/** Reads parents from the application's database: one query for all keys of a type that are asked at the same time. */
export function createPostgresParents(
  {
    sql,
    sources,
    observer,
  }: { readonly sql: Sql; readonly sources: readonly PostgresSource[]; readonly observer: ParentObserver },
  options: PostgresParentsOptions,
): PostgresParents {
  const batches = new Map<string, ParentBatch>();
  let confirmed: ReadonlyMap<string, ConfirmedSource> | undefined;

  const bounds = (): QueryBounds => ({ signal: new AbortController().signal, timeoutMs: options.timeoutMs });
  async function confirm(within: QueryBounds): Promise<ReadonlyMap<string, ConfirmedSource>> {
    confirmed ??= await confirmSources(sql, sources, within);
    return confirmed;
  }

  function batchOf({ type, by }: ParentKey): ParentBatch {
    const name = `${by} ${type}`;
    const known = batches.get(name);
    if (known !== undefined) return known;
    const batch = createMicroBatch<ParentKey, ParentResult>(async (keys) => lookupBatch(type, by, keys), options);
    batches.set(name, batch);
    return batch;
  }

  async function lookupBatch(
    type: string,
    by: ParentKey['by'],
    keys: readonly ParentKey[],
  ): Promise<readonly ParentResult[]> {
    try {
      const source = (await confirm(bounds())).get(type);
      if (source === undefined) throw new InternalError({ cause: `no source for ${type}` });
      const query = toParentQuery(source, by);
      const asked = [...new Set(keys.map(({ value }) => value))].filter(query.isCanonical);
      const { columns } = query;
      const rows = asked.length === 0 ? [] : await sql.query(query.text, [asked], { ...bounds(), columns });
      const rowsByKey = Map.groupBy(rows, (row) => row['key']);
      // What was not asked for is no answer. Taken for one, it would say that everything is absent.
      const answerable = new Set<unknown>(asked);
      if (rows.some((row) => !answerable.has(row['key']))) {
        throw new UnavailableError('database', { cause: 'a row that was not asked for' });
      }
      return keys.map((key) => toParentResult(rowsByKey.get(key.value) ?? [], query.columnOf(key.parentType)));
    } catch (error) {
      observer.faulted('database', error);
      const fault = error instanceof TaskgateError ? error : new UnavailableError('database', { cause: error });
      return keys.map(() => failedWith(fault));
    }
  }

  return {
    async lookup(keys, context) {
      const results = await waitOrLeave(
        lookupInParts(keys, batchOf, async (batch, part) =>
          batch(part).catch((error: unknown) => part.map(() => failedWith(error))),
        ),
        keys.length,
        context,
      );
      for (const outcome of ['hit', 'miss', 'fault'] as const) {
        const count = results.filter(({ kind }) => OUTCOMES[kind] === outcome).length;
        if (count > 0) observer.counted('database', outcome, count);
      }
      return results;
    },
    async check(within) {
      if (confirmed === undefined) await confirm(within);
      else await sql.query('SELECT 1', [], within);
    },
  };
}

const OUTCOMES = { found: 'hit', absent: 'miss', failed: 'fault' } as const;
