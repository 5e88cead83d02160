import { status } from '@grpc/grpc-js';
import type { CallContext, HeldList, HeldLister, RelationshipCheck } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { strongerConsistency } from '../domain/consistency.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { FailedPreconditionError, OverloadedError, toTaskgateError, UnavailableError } from '../domain/errors.ts';
import type { Freshness } from './freshness.ts';
import { unescapeObjectId } from './object-id.ts';
import { parseLookupPermissionship } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { blameToken, grpcStatusOf } from './spicedb-errors.ts';
import { LOOKUP_RESOURCES } from './spicedb-methods.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';
import { toLookupRequest } from './spicedb-requests.ts';

export interface ListerOptions {
  /** Objects that a list may hold; one more is refused, never left out. Default 1,000,000. */
  readonly maxObjects?: number;
}

/**
 * Lists by one LookupResources without a limit: it gives each object once. Pages with SpiceDB's own cursors would give an
 * object again for each further role that the principal has on it.
 */
export function createSpiceDbLister(
  { client, freshness }: { readonly client: SpiceDbClient; readonly freshness: Freshness },
  { maxObjects = 1_000_000 }: ListerOptions = {},
): HeldLister {
  return {
    async list({ type, permission, principal }, { consistency, snapshot }, context) {
      const floor = freshness.floorOfAll();
      const fresh = floor === undefined ? consistency : strongerConsistency(consistency, floor);
      const at = snapshot === undefined ? fresh : ({ kind: 'at_exact_snapshot', token: snapshot } as const);
      const question = { object: { kind: 'resource', type, id: type }, permission, principal } as const;
      try {
        return await lookupAll(client, question, at, context, maxObjects);
      } catch (thrown) {
        throw explainListError(toTaskgateError(thrown), at, consistency);
      }
    },
  };
}

async function lookupAll(
  client: SpiceDbClient,
  question: RelationshipCheck,
  at: Consistency | ExactSnapshot,
  context: CallContext,
  maxObjects: number,
): Promise<HeldList> {
  const ids = new Set<string>();
  let readAt: string | undefined;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const stream = client.stream(LOOKUP_RESOURCES, toLookupRequest(question, at, 0), context, {
    onMessage({ permissionship, resourceObjectId, lookedUpAt }) {
      readAt ??= lookedUpAt?.token;
      try {
        if (!parseLookupPermissionship(permissionship)) return;
      } catch (thrown) {
        reject(thrown);
      }
      // What is no escaped id is a sentinel, or another application's.
      const id = unescapeObjectId(resourceObjectId);
      if (id !== undefined) ids.add(id);
      if (ids.size > maxObjects) reject(new OverloadedError({ cause: `more than ${maxObjects} objects` }));
    },
    onEnd(error) {
      if (error === undefined) resolve(undefined);
      else reject(error);
    },
  });
  try {
    await promise;
  } finally {
    stream.cancel();
  }
  if (ids.size === 0) return { ids: [], readAt: undefined };
  if (readAt === undefined || readAt === '')
    throw new UnavailableError('spicedb', { cause: 'a list without a revision' });
  return { ids: [...ids].toSorted(), readAt };
}

/** A snapshot that SpiceDB has no longer is the fault of whoever named it. */
export function explainListError(
  error: TaskgateError,
  at: Consistency | ExactSnapshot,
  asked: Consistency,
): TaskgateError {
  if (at.kind !== 'at_exact_snapshot') return blameToken(error, asked);
  const isGone = grpcStatusOf(error)?.code === status.OUT_OF_RANGE;
  return isGone
    ? new FailedPreconditionError('cursor: its revision is no longer kept; begin without a cursor', { cause: error })
    : error;
}
