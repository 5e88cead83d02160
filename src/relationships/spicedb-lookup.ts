import type { CallContext, RelationshipCheck } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';
import { UnavailableError } from '../domain/errors.ts';
import { parseLookupPermissionship } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { LOOKUP_RESOURCES } from './spicedb-methods.ts';
import { toLookupRequest } from './spicedb-requests.ts';

/** What a principal holds a permission on, of one type. */
export interface HeldObjects {
  /** Ids as SpiceDB writes them. What is only held conditionally is not among them. */
  readonly ids: ReadonlySet<string>;
  /** The revision that they were read at; empty if there are none. */
  readonly lookedUpAt: string;
}

/**
 * Asks for all objects of the check's type on which its principal holds its permission.
 *
 * @returns undefined if there may be more than `limit`, or if they did not come within `timeoutMs`.
 * @throws TaskgateError
 */
export async function lookupHeldObjects(
  client: SpiceDbClient,
  check: RelationshipCheck,
  consistency: Consistency,
  context: CallContext,
  { limit, timeoutMs }: { readonly limit: number; readonly timeoutMs: number },
): Promise<HeldObjects | undefined> {
  const ids = new Set<string>();
  let lookedUpAt = '';
  let received = 0;
  const { promise, resolve, reject } = Promise.withResolvers<HeldObjects | undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  const stream = client.stream(LOOKUP_RESOURCES, toLookupRequest(check, consistency, limit), context, {
    onMessage(message) {
      received += 1;
      lookedUpAt = message.lookedUpAt?.token ?? '';
      if (lookedUpAt === '') reject(new UnavailableError('spicedb', { cause: 'a lookup without a revision' }));
      try {
        if (parseLookupPermissionship(message.permissionship)) ids.add(message.resourceObjectId);
      } catch (thrown) {
        reject(thrown);
      }
    },
    onEnd(error) {
      if (error !== undefined) reject(error);
      else resolve(received < limit ? { ids, lookedUpAt } : undefined);
    },
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    stream.cancel();
  }
}
