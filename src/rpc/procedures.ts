import { create } from '@bufbuild/protobuf';
import type { BatchCheckTask, BatchItem } from '../authorize/batch-check-task.ts';
import type { CheckTask } from '../authorize/check-task.ts';
import type { FilterReadableTasks } from '../authorize/filter-readable-tasks.ts';
import type { ListReadableTasks } from '../authorize/list-readable-tasks.ts';
import type { Principal } from '../domain/principal.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { BatchCheckTaskRequest } from '../gen/taskgate/v1/authorization_pb.js';
import {
  AuthorizationService,
  BatchCheckTaskResponseSchema,
  FilterReadableTasksResponseSchema,
} from '../gen/taskgate/v1/authorization_pb.js';
import { fromDecision, fromListEvent, fromOutcome } from './convert-answer.ts';
import { toFilterRequest, toListRequest, toPrincipal, toTaskCheck } from './convert-request.ts';
import type { CursorCodec } from './list-cursor.ts';
import type { Procedure, StreamProcedure, UnaryProcedure } from './procedure.ts';
import { defineStream, defineUnary } from './procedure.ts';

export interface ProcedureDeps {
  readonly checkTask: CheckTask;
  readonly batchCheckTask: BatchCheckTask;
  readonly filterReadableTasks: FilterReadableTasks;
  readonly listReadableTasks: ListReadableTasks;
  readonly cursors: CursorCodec;
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
    listReadableTasksProcedure(deps.listReadableTasks, deps.cursors),
  ];
}

function checkTaskProcedure(checkTask: CheckTask): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.checkTask,
    async handle(request, decisionId, context) {
      const principal = toPrincipal(request.principal);
      const outcome = await checkTask({ decisionId, principal, check: toTaskCheck(request) }, context);
      if (outcome.kind === 'failed') throw outcome.error;
      return fromDecision(outcome.decision);
    },
  });
}

function batchCheckTaskProcedure(batchCheckTask: BatchCheckTask, maxBatchSize: number): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.batchCheckTask,
    async handle(request, decisionId, context) {
      const { principal, items } = toBatch(request, maxBatchSize);
      const outcomes = await batchCheckTask({ decisionId, principal, items }, context);
      return create(BatchCheckTaskResponseSchema, { results: outcomes.map(fromOutcome) });
    },
  });
}

function filterReadableTasksProcedure(filterReadableTasks: FilterReadableTasks): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.filterReadableTasks,
    async handle(request, _decisionId, context) {
      const readable = await filterReadableTasks(toFilterRequest(request, MAX_FILTER_SIZE), context);
      return create(FilterReadableTasksResponseSchema, {
        resources: readable.flatMap((index) => request.resources[index] ?? []),
      });
    },
  });
}

function listReadableTasksProcedure(listReadableTasks: ListReadableTasks, cursors: CursorCodec): StreamProcedure {
  return defineStream({
    method: AuthorizationService.method.listReadableTasks,
    async *handle(request, _decisionId, context) {
      const list = toListRequest(request, cursors);
      for await (const event of listReadableTasks(list, context)) yield fromListEvent(event, list, cursors);
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
