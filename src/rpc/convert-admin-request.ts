import type { ExplainRequest } from '../authorize/explain-decision.ts';
import type { RecentFilter } from '../authorize/ports-explain.ts';
import type { DecisionKind } from '../domain/decision.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { ExplainDecisionRequest, RecentDecisionsRequest } from '../gen/taskgate/admin/v1/admin_pb.js';
import { Verdict_Outcome as OutcomeMessage } from '../gen/taskgate/admin/v1/admin_pb.js';
import { Operation as OperationMessage } from '../gen/taskgate/v1/authorization_pb.js';
import { toOperation, toPrincipal, toTaskCheck } from './convert-request.ts';

const DECISION_ID = /^[0-9a-f-]{1,64}$/;
const MAX_BATCH_INDEX = 999;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

const OUTCOME_BY_VALUE: ReadonlyMap<OutcomeMessage, DecisionKind | 'ERROR'> = new Map<
  OutcomeMessage,
  DecisionKind | 'ERROR'
>([
  [OutcomeMessage.ALLOWED, 'ALLOWED'],
  [OutcomeMessage.NOT_FOUND, 'NOT_FOUND'],
  [OutcomeMessage.FORBIDDEN, 'FORBIDDEN'],
  [OutcomeMessage.COULD_NOT_TELL, 'ERROR'],
]);

/** @throws InvalidArgumentError naming the field. */
export function toExplainRequest({ subject }: ExplainDecisionRequest): ExplainRequest {
  switch (subject.case) {
    case 'question':
      return { kind: 'question', principal: toPrincipal(subject.value.principal), check: toTaskCheck(subject.value) };
    case 'decision': {
      const { decisionId, index } = subject.value;
      if (!DECISION_ID.test(decisionId)) {
        throw new InvalidArgumentError('decision.decision_id', 'is not a taskgate-decision-id');
      }
      if (index > MAX_BATCH_INDEX)
        throw new InvalidArgumentError('decision.index', `must be at most ${MAX_BATCH_INDEX}`);
      return { kind: 'recorded', decisionId, index };
    }
    case undefined:
      throw new InvalidArgumentError('subject', 'must have one of question, decision');
    default:
      return subject satisfies never;
  }
}

/** @throws InvalidArgumentError naming the field. */
export function toRecentFilter(message: RecentDecisionsRequest): RecentFilter {
  const { after, limit, outcome, operation, type, accountId, principalId } = message;
  if (after > BigInt(Number.MAX_SAFE_INTEGER)) throw new InvalidArgumentError('after', 'is no sequence');
  if (limit > MAX_LIMIT) throw new InvalidArgumentError('limit', `must be from 1 to ${MAX_LIMIT}`);
  const kind = OUTCOME_BY_VALUE.get(outcome);
  if (outcome !== OutcomeMessage.UNSPECIFIED && kind === undefined) {
    throw new InvalidArgumentError('outcome', 'is not a known outcome');
  }
  return {
    after: Number(after),
    limit: limit === 0 ? DEFAULT_LIMIT : limit,
    ...(kind === undefined ? {} : { outcome: kind }),
    ...(type === '' ? {} : { type }),
    ...(operation === OperationMessage.UNSPECIFIED ? {} : { operation: toOperation(operation) }),
    ...(accountId === '' ? {} : { account: accountId }),
    ...(principalId === '' ? {} : { principalId }),
  };
}
