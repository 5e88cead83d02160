import type { Principal } from '../domain/principal.ts';
import type { CallContext, Relationship, RelationshipObject, RelationshipSubject } from './ports.ts';

/*
 * What the lifecycle asks of the two stores: relationships as they are written and stand, and the rows that they belong to.
 */

/** Which relationships are meant. What is left out may be anything. */
export interface RelationshipPattern {
  readonly object?: RelationshipObject;
  readonly relation?: string;
  readonly subject?: RelationshipSubject;
}

/** What one write does, all of it or nothing. Up to 1,000 relationships and patterns. */
export interface RelationshipChange {
  /** Written, only if none of them exists already: cheaper than `touch`. */
  readonly create?: readonly Relationship[];
  /** Written; one that exists already stays as it is. */
  readonly touch?: readonly Relationship[];
  /** Removed; one that does not exist is none. */
  readonly remove?: readonly Relationship[];
  /** Only if a relationship matches each of these. */
  readonly ifAny?: readonly RelationshipPattern[];
  /** Only if no relationship matches any of these. */
  readonly ifNone?: readonly RelationshipPattern[];
}

/** `refused`: a condition did not hold, and nothing was written. */
export type WriteResult = { readonly kind: 'written'; readonly writtenAt: string } | { readonly kind: 'refused' };

/** Every method may be done again: what was written or removed before stays so. */
export interface RelationshipWriter {
  /**
   * Writes up to 1,000 relationships atomically; one that exists already stays as it is.
   *
   * @returns the revision (ZedToken) that they were written at.
   * @throws TaskgateError when it is not known whether they were written.
   */
  touch(relationships: readonly Relationship[], context: CallContext): Promise<string>;
  /** @throws TaskgateError when it is not known whether it was written. */
  write(change: RelationshipChange, context: CallContext): Promise<WriteResult>;
  /**
   * Removes all that match the pattern, which has an object or a subject, in chunks under the engine's limit. Each chunk
   * is one write, and is refused if a relationship matches any of `ifNone`.
   *
   * @throws TaskgateError when it is not known whether all were removed.
   */
  removeAll(
    pattern: RelationshipPattern,
    conditions: Pick<RelationshipChange, 'ifNone'>,
    context: CallContext,
  ): Promise<WriteResult>;
}

/** One side of a relationship that was read. `id` is as the application writes it; undefined for what it can't have written, such as a sentinel. */
export interface StoredObject {
  readonly type: string;
  readonly id: string | undefined;
}

/** A relationship as it was read. */
export interface StoredRelationship {
  readonly object: StoredObject;
  readonly relation: string;
  readonly subject: StoredObject & { readonly relation: string };
}

/** One page of a scan. */
export interface RelationshipPage {
  readonly relationships: readonly StoredRelationship[];
  /** Goes on after this page, as of the same revision; undefined after the last. */
  readonly cursor: string | undefined;
}

/** A row of a registered type, and what registering it would write. What the row does not say is undefined. */
export interface RegisteredRow {
  readonly id: string;
  readonly owner: { readonly kind: Principal['kind']; readonly id: string } | undefined;
  readonly account: string | undefined;
  readonly parentId: string | undefined;
}

/** The rows of one registered type, in the application's database. */
export interface RegisteredRows {
  /** @throws TaskgateError when they could not be counted. */
  count(context: CallContext): Promise<number>;
  /**
   * Reads up to `limit` rows after the id `after` (undefined: from the first), in the database's own order of ids. Fewer
   * than `limit` are the last.
   *
   * @throws TaskgateError when the page could not be read whole.
   */
  page(after: string | undefined, limit: number, context: CallContext): Promise<readonly RegisteredRow[]>;
  /**
   * Tells which of the ids, of which there may be any number, have a row.
   *
   * @throws TaskgateError when any could not be told.
   */
  present(ids: readonly string[], context: CallContext): Promise<ReadonlySet<string>>;
}

export interface RelationshipReader {
  /**
   * Reads all that match the pattern, which has an object, as of now.
   *
   * @returns `readAt` is the revision (ZedToken); undefined if nothing matches.
   * @throws OverloadedError if there are more than 10,000.
   * @throws TaskgateError when they could not be read whole.
   */
  read(
    pattern: RelationshipPattern & { readonly object: RelationshipObject },
    context: CallContext,
  ): Promise<{ readonly relationships: readonly StoredRelationship[]; readonly readAt: string | undefined }>;
  /**
   * Reads as `read` does, for telling somebody that it is so: every later check of this process sees what was read, as it
   * sees what was written.
   */
  confirm: RelationshipReader['read'];
  /**
   * Tells whether anything matches the pattern, which has an object or a subject, as of now.
   *
   * @throws TaskgateError when it could not be told.
   */
  exists(pattern: RelationshipPattern, context: CallContext): Promise<boolean>;
  /**
   * Reads one page of the relationships of all objects of a type. Those of one object come together, and the last page may
   * be empty. The first page is as of now, and the others as of the revision of the first.
   *
   * @throws FailedPreconditionError if the revision of the cursor is no longer kept.
   * @throws TaskgateError when the page could not be read whole.
   */
  scan(type: string, cursor: string | undefined, context: CallContext): Promise<RelationshipPage>;
  /**
   * Tells of up to 10,000 relationships to objects which there are, as of now.
   *
   * @throws TaskgateError when any could not be told.
   */
  has(relationships: readonly Relationship[], context: CallContext): Promise<readonly boolean[]>;
}
