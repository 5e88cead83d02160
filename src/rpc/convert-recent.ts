import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { RecentDecision, RecentDecisions } from '../authorize/ports-explain.ts';
import type { DecisionKind } from '../domain/decision.ts';
import type { RecentDecisionsResponse, RecordedDecisionSchema } from '../gen/taskgate/admin/v1/admin_pb.js';
import { RecentDecisionsResponseSchema, Verdict_Outcome as OutcomeMessage } from '../gen/taskgate/admin/v1/admin_pb.js';
import { fromQuestion } from './convert-question.ts';

const OUTCOMES: Readonly<Record<DecisionKind | 'ERROR' | 'COULD_NOT_TELL', OutcomeMessage>> = {
  ALLOWED: OutcomeMessage.ALLOWED,
  NOT_FOUND: OutcomeMessage.NOT_FOUND,
  FORBIDDEN: OutcomeMessage.FORBIDDEN,
  ERROR: OutcomeMessage.COULD_NOT_TELL,
  COULD_NOT_TELL: OutcomeMessage.COULD_NOT_TELL,
};

export function fromOutcomeKind(kind: DecisionKind | 'ERROR' | 'COULD_NOT_TELL'): OutcomeMessage {
  return OUTCOMES[kind];
}

export function fromRecentDecisions(
  { latest, kept, capacity }: Pick<RecentDecisions, 'latest' | 'kept' | 'capacity'>,
  decisions: readonly RecentDecision[],
): RecentDecisionsResponse {
  return create(RecentDecisionsResponseSchema, {
    decisions: decisions.map(fromRecentDecision),
    latest: BigInt(latest),
    kept,
    capacity,
  });
}

export function fromRecentDecision({
  sequence,
  decidedAtMs,
  record,
}: RecentDecision): MessageInitShape<typeof RecordedDecisionSchema> {
  return {
    sequence: BigInt(sequence),
    decisionId: record.decisionId,
    decidedAt: timestampFromMs(decidedAtMs),
    caller: record.caller,
    question: fromQuestion(record.principal, record.check),
    outcome: OUTCOMES[record.outcome],
    reason: record.reason,
    checkedAt: record.evidence?.checkedAt ?? '',
  };
}
