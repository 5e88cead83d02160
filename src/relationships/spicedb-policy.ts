import { v1 } from '@authzed/authzed-node';
import type { CallContext, HeldList, RelationshipResult } from '../authorize/ports.ts';
import type { HeldBy, Policy, PolicyCheck, PolicyRevision } from '../authorize/ports-policy.ts';
import type { Consistency } from '../domain/consistency.ts';
import { strongerConsistency } from '../domain/consistency.ts';
import {
  InternalError,
  InvalidArgumentError,
  OverloadedError,
  toTaskgateError,
  UnavailableError,
} from '../domain/errors.ts';
import type { Freshness } from './freshness.ts';
import { unescapeObjectId } from './object-id.ts';
import { toCaveatContext } from './policy-context.ts';
import { checkPolicyItems } from './policy-items.ts';
import { isThrown, isUnevaluable, isUnknownName } from './policy-errors.ts';
import { parseLookupPermissionship } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { malformedAnswer } from './spicedb-errors.ts';
import { explainListError } from './spicedb-lister.ts';
import type { Method } from './spicedb-methods.ts';
import { LOOKUP_RESOURCES, LOOKUP_SUBJECTS } from './spicedb-methods.ts';
import type { ExactSnapshot } from './spicedb-requests.ts';
import { toConsistency, toObjectId, toObjectReference, toSubjectReference } from './spicedb-requests.ts';

export interface SpiceDbPolicyOptions {
  /** Ids that a list may hold; one more is refused, never left out. Default 1,000,000. */
  readonly maxIds?: number;
}

const WILDCARD = '*';

/**
 * The schema in SpiceDB. Nothing is kept, and everything is at least as fresh as the last change that is known. Lists are
 * read whole, as `createSpiceDbLister` does: SpiceDB has no cursors for subjects, and gives objects twice with those it has.
 */
export function createSpiceDbPolicy(
  { client, freshness }: { readonly client: SpiceDbClient; readonly freshness: Freshness },
  { maxIds = 1_000_000 }: SpiceDbPolicyOptions = {},
): Policy {
  const floored = (consistency: Consistency): Consistency => {
    const floor = freshness.floorOfAll();
    return floor === undefined ? consistency : strongerConsistency(consistency, floor);
  };
  const atLeast = ({ consistency, snapshot }: PolicyRevision): Consistency | ExactSnapshot =>
    snapshot === undefined ? floored(consistency) : { kind: 'at_exact_snapshot', token: snapshot };
  return {
    async check(checks, consistency, context) {
      const written = checks.map(writeItem);
      const items = written.flatMap((item) => ('kind' in item ? [] : [item]));
      const results = items.length === 0 ? [] : await checkPolicyItems(client, items, floored(consistency), context);
      let next = 0;
      return written.map((item) => ('kind' in item ? item : (results[next++] ?? missing())));
    },
    async listObjects({ objectType, permission, subject, context: caveatContext }, at, context) {
      const revision = atLeast(at);
      const request: v1.LookupResourcesRequest = {
        consistency: toConsistency(revision),
        resourceObjectType: objectType,
        permission,
        subject: toSubjectReference(subject.type, toObjectId(subject.id, 'subject.id')),
        context: toCaveatContext(caveatContext),
        optionalLimit: 0,
      };
      const found = createCollector(maxIds);
      await listing(revision, at.consistency, found, async () =>
        readAll(client, LOOKUP_RESOURCES, request, context, (message) => {
          found.readAt(message.lookedUpAt);
          if (parseLookupPermissionship(message.permissionship)) found.add(message.resourceObjectId);
        }),
      );
      return found.toList();
    },
    async listSubjects({ object, permission, subjectType, context: caveatContext }, at, context) {
      const revision = atLeast(at);
      const request: v1.LookupSubjectsRequest = {
        consistency: toConsistency(revision),
        resource: toObjectReference(object),
        permission,
        subjectObjectType: subjectType,
        optionalSubjectRelation: '',
        context: toCaveatContext(caveatContext),
        optionalConcreteLimit: 0,
        wildcardOption: v1.LookupSubjectsRequest_WildcardOption.INCLUDE_WILDCARDS,
      };
      const found = createCollector(maxIds);
      await listing(revision, at.consistency, found, async () =>
        readAll(client, LOOKUP_SUBJECTS, request, context, ({ subject, lookedUpAt }) => {
          found.readAt(lookedUpAt);
          if (subject === undefined) throw malformedAnswer('a subject');
          if (parseLookupPermissionship(subject.permissionship)) found.add(subject.subjectObjectId);
        }),
      );
      return found.toList();
    },
  };
}

/** A check as an item, or why it can't be one. */
function writeItem(
  check: PolicyCheck,
): v1.CheckBulkPermissionsRequestItem | Extract<RelationshipResult, { kind: 'failed' }> {
  try {
    return {
      resource: toObjectReference(check.object),
      permission: check.permission,
      subject: toSubjectReference(check.subject.type, toObjectId(check.subject.id, 'subject.id')),
      context: toCaveatContext(check.context),
    };
  } catch (thrown) {
    return { kind: 'failed', error: toTaskgateError(thrown) };
  }
}

/** Runs a lookup. What the schema does not hold, nobody holds. */
async function listing(
  revision: Consistency | ExactSnapshot,
  asked: Consistency,
  found: Collector,
  read: () => Promise<void>,
): Promise<void> {
  try {
    await read();
  } catch (thrown) {
    if (isThrown(thrown, isUnknownName)) return found.clear();
    if (isThrown(thrown, isUnevaluable)) {
      throw new InvalidArgumentError('context', 'is not what a condition takes, or a property is not', {
        cause: thrown,
      });
    }
    throw explainListError(toTaskgateError(thrown), revision, asked);
  }
}

/** Reads a stream to its end. @throws what `take` throws, or TaskgateError if the stream does not end well. */
async function readAll<Request extends object, Response extends object>(
  client: SpiceDbClient,
  method: Method<Request, Response>,
  request: Request,
  context: CallContext,
  take: (message: Response) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const stream = client.stream(method, request, context, {
    onMessage(message) {
      try {
        take(message);
      } catch (thrown) {
        reject(thrown);
      }
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
}

interface Collector {
  readAt(token: v1.ZedToken | undefined): void;
  add(escapedId: string): void;
  clear(): void;
  toList(): HeldBy;
}

function createCollector(maxIds: number): Collector {
  const ids = new Set<string>();
  let token: string | undefined;
  let everyone = false;
  return {
    readAt(read) {
      token ??= read?.token;
    },
    add(escapedId) {
      if (escapedId === WILDCARD) everyone = true;
      // What is no escaped id is a sentinel, or another application's.
      const id = unescapeObjectId(escapedId);
      if (id !== undefined) ids.add(id);
      if (ids.size > maxIds) throw new OverloadedError({ cause: `more than ${maxIds} ids` });
    },
    clear() {
      ids.clear();
      everyone = false;
    },
    toList(): HeldBy & HeldList {
      if (ids.size === 0) return { ids: [], readAt: undefined, everyone };
      if (token === undefined || token === '')
        throw new UnavailableError('spicedb', { cause: 'a list without a revision' });
      return { ids: [...ids].toSorted(), readAt: token, everyone };
    },
  };
}

function missing(): Extract<RelationshipResult, { kind: 'failed' }> {
  return { kind: 'failed', error: new InternalError({ cause: 'too few results of the policy' }) };
}
