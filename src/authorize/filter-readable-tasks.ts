import type { Consistency } from '../domain/consistency.ts';
import type { Outcome } from '../domain/decision.ts';
import { InternalError, InvalidArgumentError, toTaskgateError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { AskedBy, CallContext, DecideChecks } from './ports.ts';
import type { ListLog } from './ports-list-log.ts';
import { recordFilter } from './record-filter.ts';

export interface FilterQuestion {
  readonly principal: Principal;
  readonly resources: readonly ResourceRef[];
  readonly operation: Operation;
  readonly consistency: Consistency;
}

export interface FilterRequest extends FilterQuestion, AskedBy {}

/**
 * Where in the list the resources are on which the principal may do the operation, ascending. The others are left out,
 * whatever the reason.
 *
 * @throws TaskgateError if any could not be told: a shorter list would be a silent denial.
 */
export type FilterReadableTasks = (request: FilterRequest, context: CallContext) => Promise<readonly number[]>;

export function createFilterReadableTasks({
  decideChecks,
  listLog,
}: {
  readonly decideChecks: DecideChecks;
  /** Told of each call. Default: nobody. */
  readonly listLog?: ListLog | undefined;
}): FilterReadableTasks {
  return async (request, context) => {
    const { principal, resources, operation, consistency } = request;
    const checks = resources.map((resource): TaskCheck => ({
      resource,
      operation,
      consistency,
      createIfAbsent: false,
    }));
    const outcomes = await decideChecks(principal, checks, context);
    let readable: readonly number[];
    try {
      readable = toReadable(outcomes, resources.length);
    } catch (error) {
      if (listLog !== undefined) recordFilter(listLog, request, outcomes, toTaskgateError(error));
      throw error;
    }
    if (listLog !== undefined) recordFilter(listLog, request, outcomes, readable.length);
    return readable;
  };
}

function toReadable(outcomes: readonly Outcome[], count: number): readonly number[] {
  const readable: number[] = [];
  for (let index = 0; index < count; index += 1) {
    if (isAllowed(outcomes[index], index)) readable.push(index);
  }
  return readable;
}

function isAllowed(outcome: Outcome | undefined, index: number): boolean {
  if (outcome === undefined) throw new InternalError({ cause: 'too few outcomes' });
  if (outcome.kind === 'decided') return outcome.decision.kind === 'ALLOWED';
  const { error } = outcome;
  if (!(error instanceof InvalidArgumentError)) throw error;
  throw new InvalidArgumentError(toListField(error.field, index), error.problem, { cause: error });
}

/** A check names its one resource; here it is one of many, and the operation is of the whole call. */
export function toListField(field: string, index: number): string {
  return field.replace(/^resource\b/, `resources[${index}]`);
}
