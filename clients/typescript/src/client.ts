import type { Client, Interceptor } from '@connectrpc/connect';
import { createClient } from '@connectrpc/connect';
import type { Answer, Check } from './check.ts';
import { fromResponse, toRequest } from './check.ts';
import { toClientError } from './errors.ts';
import { AuthorizationService } from './gen/taskgate/v1/authorization_pb.js';
import type { Endpoint } from './transport.ts';
import { openTransport } from './transport.ts';

export type { AllowedTask, Answer, Check, Consistency, Operation, Principal, Resource } from './check.ts';
export type { Endpoint, TlsOptions } from './transport.ts';

export type TaskgateClientOptions = Endpoint & {
  /** Sent as a bearer token; a function is asked before each call, so that tokens can be rotated. Default none. */
  readonly token?: string | (() => string);
  /** Milliseconds that a call may take, connecting included, 1 to 60,000. Default 1000. */
  readonly timeoutMs?: number;
};

export interface CallOptions {
  /** Ends the wait. Default: nothing does but the deadline. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the client's. */
  readonly timeoutMs?: number | undefined;
}

export interface TaskgateClient extends Disposable {
  /**
   * Asks one question.
   *
   * @throws CouldNotTellError if nothing was decided: taskgate is away, slow or overloaded, or the signal aborted.
   * @throws MisuseError if the check is wrong and will stay wrong.
   */
  check(check: Check, options?: CallOptions): Promise<Answer>;
  /** Every RPC, with its errors as they come. A list takes as long as it is: give `listReadableTasks` a timeout of its own. */
  readonly rpc: Client<typeof AuthorizationService>;
  /** Ends the connections. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 1_000;
const MAX_TIMEOUT_MS = 60_000;

/**
 * A client of one taskgate. It opens a connection with its first call.
 *
 * @throws RangeError, TypeError if an option is wrong.
 */
export function createTaskgateClient(options: TaskgateClientOptions): TaskgateClient {
  const { token } = options;
  const defaultTimeoutMs = checkTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const interceptors = token === undefined ? [] : [sendToken(token)];
  const { transport, close } = openTransport(options, { interceptors, defaultTimeoutMs });
  const rpc = createClient(AuthorizationService, transport);
  return {
    rpc,
    async check(check, { signal, timeoutMs } = {}) {
      const request = toRequest(check);
      const callOptions = {
        timeoutMs: timeoutMs === undefined ? defaultTimeoutMs : checkTimeout(timeoutMs),
        ...(signal === undefined ? {} : { signal }),
      };
      try {
        return fromResponse(await rpc.checkTask(request, callOptions));
      } catch (thrown) {
        throw toClientError(thrown);
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

function sendToken(token: string | (() => string)): Interceptor {
  if (typeof token === 'string') checkToken(token);
  return (next) => async (request) => {
    request.header.set('authorization', `Bearer ${checkToken(typeof token === 'string' ? token : token())}`);
    return next(request);
  };
}

/** Says nothing of the token: what it throws is logged. */
function checkToken(token: string): string {
  if (!/^[\u0021-\u007e]+$/.test(token)) throw new TypeError('the token is not printable ASCII');
  return token;
}

function checkTimeout(timeoutMs: number): number {
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return Math.ceil(timeoutMs);
  throw new RangeError(`timeoutMs must be 1 to ${MAX_TIMEOUT_MS}`);
}
