import type { IncomingMessage } from 'node:http';
import type { CallIdentity, Unary } from '../../calls/procedure.ts';
import type { CallContext } from '../../authorize/ports.ts';
import type { CallerPermission } from '../../domain/caller.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json-value.ts';
import { isJsonObject } from '../../domain/json-value.ts';
import { isJson } from '../content-type.ts';
import type { Endpoint } from '../endpoint.ts';
import { toJsonAnswer } from '../endpoint.ts';
import { parseJson } from '../parse-json.ts';
import { echoRequestId } from './request-id.ts';

/** One API of AuthZEN: where it is, and what becomes of a request. */
export interface AuthzenApi<Request> {
  readonly name: string;
  readonly permission: CallerPermission;
  readonly path: string;
  /** @throws InvalidArgumentError */
  parse(body: JsonObject): Request;
  /** The body of an answer of status 200. @throws TaskgateError */
  handle(request: Request, call: CallIdentity, context: CallContext): Promise<object>;
}

/**
 * Section 10: a decision has status 200 whatever it is. Any other status says that there is none, with what is wrong as a
 * string.
 */
export function createAuthzenEndpoint<Request>(api: AuthzenApi<Request>): Endpoint<Request, object> {
  const procedure: Unary<Request, object> = {
    name: api.name,
    permission: api.permission,
    handle: async (request, call, context) => api.handle(request, call, context),
  };
  return {
    method: 'POST',
    path: api.path,
    procedure,
    callerTokenHeader: 'authorization',
    readsBody: true,
    commonHeaders: echoRequestId,
    parse: (request, body) => api.parse(toBody(request, body)),
    toAnswer: (answer) => toJsonAnswer(200, answer),
    toErrorAnswer: ({ message }, status) => toJsonAnswer(status, message),
  };
}

function toBody(request: IncomingMessage, body: Buffer): JsonObject {
  if (!isJson(request)) throw new InvalidArgumentError('content-type', 'must be application/json');
  const value = parseJson(body);
  if (!isJsonObject(value)) throw new InvalidArgumentError('body', 'must be an object');
  return value;
}
