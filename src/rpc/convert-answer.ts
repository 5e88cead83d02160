import { create } from '@bufbuild/protobuf';
import type {
  BatchCheckTaskResult,
  CheckTaskResponse,
  ListReadableTasksResponse,
} from '../gen/taskgate/v1/authorization_pb.js';
import {
  BatchCheckTaskResultSchema,
  CheckTaskResponseSchema,
  Decision as DecisionMessage,
  ListReadableTasksResponseSchema,
} from '../gen/taskgate/v1/authorization_pb.js';
import type { ListEvent } from '../authorize/list-readable-tasks.ts';
import type { Decision, Outcome } from '../domain/decision.ts';
import type { CursorCodec, CursorOwner } from './list-cursor.ts';
import { toWireStatus } from '../calls/error-table.ts';

/** The type whose ids an answer names. */
const TASK = 'task';

/** Built from the decision alone, so that whatever is NOT_FOUND is the same bytes. */
export function fromDecision(decision: Decision): CheckTaskResponse {
  switch (decision.kind) {
    case 'ALLOWED':
      return create(CheckTaskResponseSchema, {
        decision: DecisionMessage.ALLOWED,
        taskId: decision.object?.type === TASK ? decision.object.id : '',
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

/** One message of a list; what it carries is sealed for the list's owner. */
export function fromListEvent(event: ListEvent, owner: CursorOwner, cursors: CursorCodec): ListReadableTasksResponse {
  switch (event.kind) {
    case 'page':
      return create(ListReadableTasksResponseSchema, {
        event: { case: 'page', value: { taskIds: [...event.taskIds], cursor: cursors.seal(event.position, owner) } },
      });
    case 'unscoped':
      return create(ListReadableTasksResponseSchema, { event: { case: 'unscoped', value: true } });
    case 'complete':
      return create(ListReadableTasksResponseSchema, { event: { case: 'complete', value: true } });
    default:
      return event satisfies never;
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
