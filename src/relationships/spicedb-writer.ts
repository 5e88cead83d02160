import { status } from '@grpc/grpc-js';
import { v1 } from '@authzed/authzed-node';
import type {
  RelationshipChange,
  RelationshipPattern,
  RelationshipWriter,
  WriteResult,
} from '../authorize/ports-lifecycle.ts';
import { InternalError, UnavailableError } from '../domain/errors.ts';
import type { Freshness, ObjectName } from './freshness.ts';
import { parseToken } from './spicedb-answers.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import type { GrpcStatus } from './spicedb-errors.ts';
import { grpcStatusOf } from './spicedb-errors.ts';
import { DELETE_RELATIONSHIPS, WRITE_RELATIONSHIPS } from './spicedb-methods.ts';
import { toFilter, toObjectName, toPreconditions, toWriteMetadata, toWriteRequest } from './spicedb-requests.ts';

/** SpiceDB's own limit of what one call deletes. */
const MAX_REMOVED_AT_ONCE = 1_000;
/** SpiceDB's words for a precondition that did not hold. Unknown relations have the same code. */
const REFUSED = /unable to satisfy write precondition/;
/** A write that is made again finds what it wrote: its conditions then say so. */
const IDEMPOTENT = { idempotent: true };

const { COMPLETE, PARTIAL } = v1.DeleteRelationshipsResponse_DeletionProgress;

/** Writes to SpiceDB. Each write raises the floors of what it changes before its caller hears of it. */
export function createSpiceDbWriter({
  client,
  freshness,
}: {
  readonly client: SpiceDbClient;
  readonly freshness: Freshness;
}): RelationshipWriter {
  const write: RelationshipWriter['write'] = async (change, context) => {
    const request = toWriteRequest(change);
    const { create = [], touch = [], remove = [] } = change;
    const objects = [...create, ...touch, ...remove].map(({ object }) => toObjectName(object));
    return tracked(freshness, { objects, refusable: change }, async (optionalTransactionMetadata) => {
      const answer = await client.call(
        WRITE_RELATIONSHIPS,
        { ...request, optionalTransactionMetadata },
        context,
        IDEMPOTENT,
      );
      return parseToken(answer.writtenAt);
    });
  };

  return {
    write,
    async touch(relationships, context) {
      const result = await write({ touch: relationships }, context);
      if (result.kind === 'refused') throw new InternalError({ cause: 'a write without conditions was refused' });
      return result.writtenAt;
    },
    async removeAll(pattern, conditions, context) {
      const request = {
        relationshipFilter: toFilter(pattern),
        optionalPreconditions: toPreconditions(conditions),
        optionalLimit: MAX_REMOVED_AT_ONCE,
        optionalAllowPartialDeletions: true,
      };
      const objects = changedBy(pattern);
      for (;;) {
        let isComplete = false;
        const result = await tracked(
          freshness,
          { objects, refusable: conditions },
          async (optionalTransactionMetadata) => {
            const answer = await client.call(
              DELETE_RELATIONSHIPS,
              { ...request, optionalTransactionMetadata },
              context,
              IDEMPOTENT,
            );
            const { deletionProgress } = answer;
            if (deletionProgress !== COMPLETE && deletionProgress !== PARTIAL) {
              throw new UnavailableError('spicedb', { cause: 'a deletion without progress' });
            }
            isComplete = deletionProgress === COMPLETE;
            return parseToken(answer.deletedAt);
          },
        );
        if (result.kind === 'refused' || isComplete) return result;
      }
    },
  };
}

/** Makes one write, tagged so that Watch's word of it is known to be of this one. */
async function tracked(
  freshness: Freshness,
  { objects, refusable }: { readonly objects: readonly ObjectName[]; readonly refusable: Refusable },
  send: (metadata: v1.PbStruct) => Promise<string>,
): Promise<WriteResult> {
  const own = freshness.beginWrite(objects);
  try {
    const writtenAt = await send(toWriteMetadata(own.tag));
    own.written(writtenAt);
    return { kind: 'written', writtenAt };
  } catch (thrown) {
    own.failed();
    if (isRefusal(refusable, grpcStatusOf(thrown))) return { kind: 'refused' };
    throw thrown;
  }
}

/** What of a write may be refused: without any of it, a refusal is a fault. */
type Refusable = Pick<RelationshipChange, 'create' | 'ifAny' | 'ifNone'>;

function isRefusal({ create = [], ifAny = [], ifNone = [] }: Refusable, answered: GrpcStatus | undefined): boolean {
  if (answered?.code === status.ALREADY_EXISTS) return create.length > 0;
  if (answered?.code !== status.FAILED_PRECONDITION || ifAny.length + ifNone.length === 0) return false;
  return REFUSED.test(answered.details);
}

/** Whatever names the object as a subject is an object that shares it: its floor is the one of all. */
function changedBy({ object, subject }: RelationshipPattern): readonly ObjectName[] {
  if (object !== undefined) return [toObjectName(object)];
  return subject?.kind === 'object' ? [toObjectName(subject.object)] : [];
}
