import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { BatchCheckTask, BatchItem } from '../authorize/batch-check-task.ts';
import type { CheckTask } from '../authorize/check-task.ts';
import type { FilterReadableTasks } from '../authorize/filter-readable-tasks.ts';
import type { CallContext } from '../authorize/ports.ts';
import type { Principal } from '../domain/principal.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { BatchCheckTaskRequest } from '../gen/taskgate/v1/authorization_pb.js';
import {
  AuthorizationService,
  BatchCheckTaskResponseSchema,
  FilterReadableTasksResponseSchema,
} from '../gen/taskgate/v1/authorization_pb.js';
import { fromDecision, fromOutcome } from './convert-answer.ts';
import { toFilterRequest, toPrincipal, toTaskCheck } from './convert-request.ts';

/**
 * One RPC, the same for every transport: `pipeline.ts` runs it, the listeners carry it. `handle` validates, asks the use
 * case and converts.
 */
export interface Procedure<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  handle(request: MessageShape<I>, decisionId: string, context: CallContext): Promise<MessageShape<O>>;
}

export interface ProcedureDeps {
  readonly checkTask: CheckTask;
  readonly batchCheckTask: BatchCheckTask;
  readonly filterReadableTasks: FilterReadableTasks;
}

export interface ProcedureOptions {
  /** Most checks that one BatchCheckTask may hold, 1 to 1,000. */
  readonly maxBatchSize: number;
}

/** Resources that one FilterReadableTasks may hold. */
const MAX_FILTER_SIZE = 10_000;

/** Every procedure of `taskgate.v1.AuthorizationService`. */
export function createProcedures(deps: ProcedureDeps, options: ProcedureOptions): readonly Procedure[] {
  return [
    checkTaskProcedure(deps.checkTask),
    batchCheckTaskProcedure(deps.batchCheckTask, options.maxBatchSize),
    filterReadableTasksProcedure(deps.filterReadableTasks),
  ];
}

function checkTaskProcedure(checkTask: CheckTask): Procedure {
  return defineProcedure({
    method: AuthorizationService.method.checkTask,
    async handle(request, decisionId, context) {
      const principal = toPrincipal(request.principal);
      const outcome = await checkTask({ decisionId, principal, check: toTaskCheck(request) }, context);
      if (outcome.kind === 'failed') throw outcome.error;
      return fromDecision(outcome.decision);
    },
  });
}

function batchCheckTaskProcedure(batchCheckTask: BatchCheckTask, maxBatchSize: number): Procedure {
  return defineProcedure({
    method: AuthorizationService.method.batchCheckTask,
    async handle(request, decisionId, context) {
      const { principal, items } = toBatch(request, maxBatchSize);
      const outcomes = await batchCheckTask({ decisionId, principal, items }, context);
      return create(BatchCheckTaskResponseSchema, { results: outcomes.map(fromOutcome) });
    },
  });
}

function filterReadableTasksProcedure(filterReadableTasks: FilterReadableTasks): Procedure {
  return defineProcedure({
    method: AuthorizationService.method.filterReadableTasks,
    async handle(request, _decisionId, context) {
      const readable = await filterReadableTasks(toFilterRequest(request, MAX_FILTER_SIZE), context);
      return create(FilterReadableTasksResponseSchema, {
        resources: readable.flatMap((index) => request.resources[index] ?? []),
      });
    },
  });
}

function toBatch(request: BatchCheckTaskRequest, maxBatchSize: number): { principal: Principal; items: BatchItem[] } {
  const principal = toPrincipal(request.principal);
  const { checks } = request;
  if (checks.length === 0) throw new InvalidArgumentError('checks', 'must not be empty');
  if (checks.length > maxBatchSize) throw new InvalidArgumentError('checks', `must be at most ${maxBatchSize}`);
  return { principal, items: checks.map(toBatchItem) };
}

function toBatchItem(item: BatchCheckTaskRequest['checks'][number]): BatchItem {
  try {
    return { kind: 'check', check: toTaskCheck(item) };
  } catch (error) {
    if (error instanceof InvalidArgumentError) return { kind: 'malformed', error };
    throw error;
  }
}

/** Keeps a procedure's own types while it is written, and forgets them for the list that the listeners take. */
function defineProcedure<I extends DescMessage, O extends DescMessage>(procedure: Procedure<I, O>): Procedure {
  return procedure;
}
