import { create } from '@bufbuild/protobuf';
import type { BatchCheckTaskResult, CheckTaskResponse } from '../gen/taskgate/v1/authorization_pb.js';
import {
  BatchCheckTaskResultSchema,
  CheckTaskResponseSchema,
  Decision as DecisionMessage,
} from '../gen/taskgate/v1/authorization_pb.js';
import type { Outcome } from '../authorize/decide.ts';
import type { Decision } from '../domain/decision.ts';
import { toWireStatus } from './error-table.ts';

/** Built from the decision alone, so that whatever is NOT_FOUND is the same bytes. */
export function fromDecision(decision: Decision): CheckTaskResponse {
  switch (decision.kind) {
    case 'ALLOWED':
      return create(CheckTaskResponseSchema, {
        decision: DecisionMessage.ALLOWED,
        taskId: decision.taskId ?? '',
        checkedAt: decision.checkedAt,
      });
    case 'NOT_FOUND':
      return create(CheckTaskResponseSchema, { decision: DecisionMessage.NOT_FOUND });
    case 'FORBIDDEN':
      return create(CheckTaskResponseSchema, { decision: DecisionMessage.FORBIDDEN });
    default:
      return decision satisfies never;
  }
}

/** One item of a batch: its answer, or its own error. */
export function fromOutcome(outcome: Outcome): BatchCheckTaskResult {
  return create(BatchCheckTaskResultSchema, {
    outcome:
      outcome.kind === 'decided'
        ? { case: 'answer', value: fromDecision(outcome.decision) }
        : { case: 'error', value: { code: toWireStatus(outcome.error).grpc, message: outcome.error.message } },
  });
}
