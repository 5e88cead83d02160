import type { ServerResponse } from 'node:http';
import type { Answer, Consistency, Operation, Principal, Resource } from './check.ts';
import type { TaskgateClient } from './client.ts';
import { CouldNotTellError } from './errors.ts';

/** How a request is read. What these functions throw goes to the framework's error handler; it never allows. */
export interface RequireTaskOptions<Request> {
  /** Whom the request is from: what the application authenticated, never what the request claims. */
  readonly principal: (request: Request) => Principal | Promise<Principal>;
  readonly resource: (request: Request) => Resource | Promise<Resource>;
  readonly operation: Operation | ((request: Request) => Operation);
  /** With `create` of a child: what it will hang off. Default: nothing. */
  readonly parent?: (request: Request) => Resource | Promise<Resource>;
  /** Default: what the deployment chose for the operation. */
  readonly consistency?: (request: Request) => Consistency | undefined;
  /** With a name: one that is free is checked for `create`. Default false. */
  readonly createIfAbsent?: boolean;
  /** Milliseconds that the check may take. Default: the client's. */
  readonly timeoutMs?: number;
  /** Seconds after which a client may try again when nothing could be told. Default 1. */
  readonly retryAfterSeconds?: number;
  /** Told of each 503, to log it. Default: Fastify logs a warning, Express nothing. */
  readonly onCouldNotTell?: (error: CouldNotTellError, request: Request) => void;
}

/** What a request is told: a decision, or that there is none. */
export type RequestAnswer = Answer | { readonly kind: 'could-not-tell'; readonly error: CouldNotTellError };

export const DEFAULT_RETRY_AFTER_SECONDS = 1;

/**
 * Asks what a request needs. The call ends with the connection of whoever made the request.
 *
 * @throws MisuseError, and what the options' functions throw.
 */
export async function askForRequest<Request>(
  client: TaskgateClient,
  exchange: { readonly request: Request; readonly response: ServerResponse },
  options: RequireTaskOptions<Request>,
): Promise<RequestAnswer> {
  const { request, response } = exchange;
  const { operation } = options;
  // In turn: of two that fail at once, one would be nobody's, and end the process.
  const principal = await options.principal(request);
  const resource = await options.resource(request);
  const parent = await options.parent?.(request);
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  if (response.closed) gone.abort();
  response.once('close', onClose);
  try {
    return await client.check(
      {
        principal,
        resource,
        parent,
        operation: typeof operation === 'function' ? operation(request) : operation,
        consistency: options.consistency?.(request),
        createIfAbsent: options.createIfAbsent,
      },
      { signal: gone.signal, timeoutMs: options.timeoutMs },
    );
  } catch (error) {
    if (error instanceof CouldNotTellError) return { kind: 'could-not-tell', error };
    throw error;
  } finally {
    response.off('close', onClose);
  }
}
