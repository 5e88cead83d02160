import type { TaskgateError } from '../domain/errors.ts';
import { FailedPreconditionError, InvalidArgumentError, toTaskgateError } from '../domain/errors.ts';
import type { ListPosition } from './list-readable-tasks.ts';
import type { HeldList } from './ports.ts';

/** Which part of a list is wanted. */
export interface SearchPage {
  /** At least 1. */
  readonly limit: number;
  readonly position: ListPosition | undefined;
}

/** A part of what was found. */
export interface Found {
  readonly ids: readonly string[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: ListPosition | undefined;
  /** True if everybody is found beside those: they can't be listed. */
  readonly everyone: boolean;
  /** The revision (ZedToken) that they were read at, if somebody was asked; for the log. */
  readonly readAt: string | undefined;
}

export const NOTHING_FOUND: Found = { ids: [], next: undefined, everyone: false, readAt: undefined };

/** Cuts a page from a list, whose ids ascend. */
export function cutPage({ ids, readAt }: HeldList, { limit, position }: SearchPage, everyone = false): Found {
  const afterId = position?.afterId;
  const from = afterId === undefined ? 0 : ids.findIndex((id) => id > afterId);
  const page = from === -1 ? [] : ids.slice(from, from + limit);
  const isLast = from === -1 || from + limit >= ids.length;
  const snapshot = readAt ?? position?.snapshot ?? '';
  const next = isLast ? undefined : { afterId: page.at(-1) ?? '', snapshot };
  return { ids: page, next, everyone, readAt: snapshot === '' ? undefined : snapshot };
}

/** A revision that is gone is the fault of the token that named it. */
export function blamePageToken(thrown: unknown): TaskgateError {
  const error = toTaskgateError(thrown);
  if (!(error instanceof FailedPreconditionError)) return error;
  return new InvalidArgumentError('page.token', 'its revision is no longer kept; begin without a token', {
    cause: error,
  });
}
