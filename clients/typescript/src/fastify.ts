import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify';
import type { RequireTaskOptions } from './ask-for-request.ts';
import { askForRequest, DEFAULT_RETRY_AFTER_SECONDS } from './ask-for-request.ts';
import type { AllowedTask } from './check.ts';
import type { TaskgateClient } from './client.ts';

export type { RequireTaskOptions } from './ask-for-request.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What was allowed. Set by `requireTask`, and by nothing else. */
    taskgate?: AllowedTask;
  }
}

/** Fastify's own shape of an error's body. */
const FORBIDDEN = { statusCode: 403, error: 'Forbidden', message: 'Forbidden' };
const UNAVAILABLE = { statusCode: 503, error: 'Service Unavailable', message: 'Service Unavailable' };

/**
 * A `preHandler` that lets a request through if the check allows it, with the task in `request.taskgate`. Otherwise the
 * handler does not run:
 *
 * - not found: the application's own 404, as for a route that is not there
 * - forbidden: 403
 * - could not tell: 503 with `retry-after`
 * - a wrong check: the error goes to the error handler, which makes it a 500
 */
export function requireTask<Route extends RouteGenericInterface = RouteGenericInterface>(
  client: TaskgateClient,
  options: RequireTaskOptions<FastifyRequest<Route>>,
): (request: FastifyRequest<Route>, reply: FastifyReply) => Promise<unknown> {
  const { retryAfterSeconds = DEFAULT_RETRY_AFTER_SECONDS, onCouldNotTell } = options;
  return async (request, reply) => {
    const answer = await askForRequest(client, { request, response: reply.raw }, options);
    switch (answer.kind) {
      case 'allowed':
        request.taskgate = { taskId: answer.taskId, checkedAt: answer.checkedAt };
        return undefined;
      case 'not-found':
        return reply.callNotFound();
      case 'forbidden':
        return reply.code(403).send(FORBIDDEN);
      case 'could-not-tell':
        if (onCouldNotTell === undefined) request.log.warn({ err: answer.error }, 'taskgate could not tell');
        else onCouldNotTell(answer.error, request);
        return reply.code(503).header('retry-after', String(retryAfterSeconds)).send(UNAVAILABLE);
      default:
        return answer satisfies never;
    }
  };
}
