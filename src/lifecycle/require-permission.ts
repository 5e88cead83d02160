import type { CallContext, DecideCheck } from '../authorize/ports.ts';
import { MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { ForbiddenError, InternalError, InvalidArgumentError, NotFoundError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';
import type { ResourceRef } from '../domain/resource.ts';

/**
 * Lets only those pass who may do the operation, and resolves a name on the way.
 *
 * @param field the path of `resource` in the request, for errors that name it.
 * @returns the id of the resource.
 * @throws NotFoundError if it is absent or denied, which is one answer.
 * @throws ForbiddenError where the deployment reveals what is readable.
 * @throws TaskgateError if it could not be told.
 */
export async function requirePermission(
  decideCheck: DecideCheck,
  asked: {
    readonly principal: Principal;
    readonly resource: ResourceRef;
    readonly operation: Operation;
    readonly field: string;
  },
  context: CallContext,
): Promise<string> {
  const { principal, resource, operation, field } = asked;
  const check = { resource, operation, consistency: MINIMIZE_LATENCY, createIfAbsent: false };
  const outcome = await decideCheck(principal, check, context);
  if (outcome.kind === 'failed') {
    const { error } = outcome;
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(error.field.replace(/^resource\b/, field), error.problem, { cause: error });
  }
  const { decision } = outcome;
  switch (decision.kind) {
    case 'ALLOWED':
      if (decision.object === undefined) throw new InternalError({ cause: 'a permission on nothing' });
      return decision.object.id;
    case 'NOT_FOUND':
      throw new NotFoundError();
    case 'FORBIDDEN':
      throw new ForbiddenError();
    default:
      return decision satisfies never;
  }
}
