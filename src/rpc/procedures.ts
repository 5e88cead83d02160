import { create } from '@bufbuild/protobuf';
import type { BatchCheckTask, BatchItem } from '../authorize/batch-check-task.ts';
import type { CheckTask } from '../authorize/check-task.ts';
import type { FilterReadableTasks } from '../authorize/filter-readable-tasks.ts';
import type { ListReadableTasks } from '../authorize/list-readable-tasks.ts';
import type { Outcome } from '../domain/decision.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { BatchCheckTaskRequest } from '../gen/taskgate/v1/authorization_pb.js';
import {
  AuthorizationService,
  BatchCheckTaskResponseSchema,
  DeregisterResourceResponseSchema,
  FilterReadableTasksResponseSchema,
  GrantRoleResponseSchema,
  RegisterResourceResponseSchema,
  RevokeRoleResponseSchema,
} from '../gen/taskgate/v1/authorization_pb.js';
import type { ChangeRole } from '../lifecycle/change-role.ts';
import type { DeregisterResource } from '../lifecycle/deregister-resource.ts';
import type { RegisterResource } from '../lifecycle/register-resource.ts';
import { fromDecision, fromListEvent, fromOutcome } from './convert-answer.ts';
import {
  toDeregisterRequest,
  toFilterRequest,
  toListRequest,
  toPrincipal,
  toRegisterRequest,
  toRoleChange,
  toTaskCheck,
} from './convert-request.ts';
import type { CursorCodec } from './list-cursor.ts';
import type { Procedure, StreamProcedure, UnaryProcedure } from './procedure.ts';
import { defineStream, defineUnary } from './procedure.ts';

export interface ProcedureDeps {
  readonly checkTask: CheckTask;
  readonly batchCheckTask: BatchCheckTask;
  readonly filterReadableTasks: FilterReadableTasks;
  readonly listReadableTasks: ListReadableTasks;
  readonly cursors: CursorCodec;
  readonly registerResource: RegisterResource;
  readonly deregisterResource: DeregisterResource;
  readonly grantRole: ChangeRole;
  readonly revokeRole: ChangeRole;
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
    registerResourceProcedure(deps.registerResource),
    deregisterResourceProcedure(deps.deregisterResource),
    grantRoleProcedure(deps.grantRole),
    revokeRoleProcedure(deps.revokeRole),
  ];
}

function checkTaskProcedure(checkTask: CheckTask): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.checkTask,
    handle(request, call, context) {
      const principal = toPrincipal(request.principal);
      const outcome = checkTask({ ...call, principal, check: toTaskCheck(request) }, context);
      return outcome instanceof Promise ? outcome.then(toCheckAnswer) : toCheckAnswer(outcome);
    },
  });
}

function toCheckAnswer(outcome: Outcome) {
  if (outcome.kind === 'failed') throw outcome.error;
  return fromDecision(outcome.decision);
}

function batchCheckTaskProcedure(batchCheckTask: BatchCheckTask, maxBatchSize: number): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.batchCheckTask,
    async handle(request, call, context) {
      const { principal, items } = toBatch(request, maxBatchSize);
      const outcomes = await batchCheckTask({ ...call, principal, items }, context);
      return create(BatchCheckTaskResponseSchema, { results: outcomes.map(fromOutcome) });
    },
  });
}

function filterReadableTasksProcedure(filterReadableTasks: FilterReadableTasks): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.filterReadableTasks,
    async handle(request, call, context) {
      const question = toFilterRequest(request, MAX_FILTER_SIZE);
      const readable = await filterReadableTasks({ ...call, ...question }, context);
      return create(FilterReadableTasksResponseSchema, {
        resources: readable.flatMap((index) => request.resources[index] ?? []),
      });
    },
  });
}

function listReadableTasksProcedure(listReadableTasks: ListReadableTasks, cursors: CursorCodec): StreamProcedure {
  return defineStream({
    method: AuthorizationService.method.listReadableTasks,
    async *handle(request, call, context) {
      const list = toListRequest(request, cursors);
      for await (const event of listReadableTasks({ ...call, ...list }, context))
        yield fromListEvent(event, list, cursors);
    },
  });
}

function registerResourceProcedure(registerResource: RegisterResource): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.registerResource,
    async handle(request, _call, context) {
      const writtenAt = await registerResource(toRegisterRequest(request), context);
      return create(RegisterResourceResponseSchema, { writtenAt });
    },
  });
}

function deregisterResourceProcedure(deregisterResource: DeregisterResource): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.deregisterResource,
    async handle(request, _call, context) {
      const writtenAt = await deregisterResource(toDeregisterRequest(request), context);
      return create(DeregisterResourceResponseSchema, { writtenAt });
    },
  });
}

function grantRoleProcedure(grantRole: ChangeRole): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.grantRole,
    async handle(request, _call, context) {
      const writtenAt = await grantRole(toRoleChange(request), context);
      return create(GrantRoleResponseSchema, { writtenAt });
    },
  });
}

function revokeRoleProcedure(revokeRole: ChangeRole): UnaryProcedure {
  return defineUnary({
    method: AuthorizationService.method.revokeRole,
    async handle(request, _call, context) {
      const writtenAt = await revokeRole(toRoleChange(request), context);
      return create(RevokeRoleResponseSchema, { writtenAt });
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
