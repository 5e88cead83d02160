import type { NextFunction, Request, RequestHandler, Response } from 'express';
import express from 'express';
import type { RequestAnswer, RequireTaskOptions } from './ask-for-request.ts';
import { askForRequest, DEFAULT_RETRY_AFTER_SECONDS } from './ask-for-request.ts';
import type { AllowedTask } from './check.ts';
import type { TaskgateClient } from './client.ts';

export type { RequireTaskOptions } from './ask-for-request.ts';

declare global {
  namespace Express {
    interface Request {
      /** What was allowed. Set by `requireTask`, and by nothing else. */
      taskgate?: AllowedTask;
    }
  }
}

export type ExpressRequireTaskOptions = RequireTaskOptions<Request> & {
  /**
   * The handler that the application ends with, if it has its own 404: `app.use(notFound)`. Default: Express's own 404.
   * It is called and not fallen through to: in Express `next()` and `next('route')` can both end in a handler.
   */
  readonly notFound?: (request: Request, response: Response, next: NextFunction) => unknown;
};

/**
 * A middleware that lets a request through if the check allows it, with the task in `request.taskgate`. Otherwise nothing
 * that comes after it runs:
 *
 * - not found: `notFound`, the answer for a route that is not there
 * - forbidden: 403
 * - could not tell: 503 with `retry-after`
 * - a wrong check: the error goes to the error handlers, which make it a 500
 */
export function requireTask(client: TaskgateClient, options: ExpressRequireTaskOptions): RequestHandler {
  const { retryAfterSeconds = DEFAULT_RETRY_AFTER_SECONDS, onCouldNotTell, notFound = createUnrouted() } = options;
  return async (request, response, next) => {
    let answer: RequestAnswer;
    try {
      answer = await askForRequest(client, { request, response }, options);
    } catch (error) {
      next(error);
      return;
    }
    switch (answer.kind) {
      case 'allowed':
        request.taskgate = { taskId: answer.taskId, checkedAt: answer.checkedAt };
        next();
        return;
      case 'not-found':
        await notFound(request, response, next);
        return;
      case 'forbidden':
        response.status(403).type('text/plain').send('Forbidden');
        return;
      case 'could-not-tell':
        onCouldNotTell?.(answer.error, request);
        response
          .status(503)
          .set('retry-after', String(retryAfterSeconds))
          .type('text/plain')
          .send('Service Unavailable');
        return;
      default:
        answer satisfies never;
    }
  };
}

/** An application without routes: whatever it is given gets Express's own 404. */
function createUnrouted(): (request: Request, response: Response) => void {
  const app = express().disable('x-powered-by');
  return (request, response) => app(request, response);
}
