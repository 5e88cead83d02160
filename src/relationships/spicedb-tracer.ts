import { status } from '@grpc/grpc-js';
import type { CheckTracer } from '../authorize/ports-explain.ts';
import { FailedPreconditionError, toTaskgateError } from '../domain/errors.ts';
import type { Freshness } from './freshness.ts';
import { parseTracedCheck } from './parse-trace.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { blameToken, grpcStatusOf } from './spicedb-errors.ts';
import { CHECK_PERMISSION } from './spicedb-methods.ts';
import { toCheckItem, toConsistency, toObjectName } from './spicedb-requests.ts';

/** Checks with SpiceDB's trace, each by a call of its own: nothing is joined, kept or asked beside it. */
export function createSpiceDbTracer({
  client,
  freshness,
  cached,
}: {
  readonly client: SpiceDbClient;
  readonly freshness: Pick<Freshness, 'floorOf'>;
  readonly cached: CheckTracer['cached'];
}): CheckTracer {
  return {
    cached,
    floorOf: (object) => freshness.floorOf([toObjectName(object)]),
    async trace(check, at, context) {
      const request = { ...toCheckItem(check), consistency: toConsistency(at), withTracing: true };
      try {
        return parseTracedCheck(await client.call(CHECK_PERMISSION, request, context, { idempotent: true }));
      } catch (thrown) {
        const error = toTaskgateError(thrown);
        if (at.kind !== 'at_exact_snapshot') throw blameToken(error, at);
        if (grpcStatusOf(error)?.code !== status.OUT_OF_RANGE) throw error;
        throw new FailedPreconditionError('decision: its revision is no longer kept; explain the question instead', {
          cause: error,
        });
      }
    },
  };
}
