import { randomUUID } from 'node:crypto';
import type { AuthorizeRequest } from '../../src/authorize/ports-gateway.ts';
import type { AuthenticateCaller } from '../../src/authorize/ports-callers.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import { createReceiveBudget } from '../../src/calls/receive-budget.ts';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { UnauthenticatedError } from '../../src/domain/errors.ts';
import { createServeEndpoint } from '../../src/http/endpoint.ts';
import type { ForwardAuthOptions } from '../../src/http/forward-auth/forward-auth.ts';
import { createForwardAuth } from '../../src/http/forward-auth/forward-auth.ts';
import { openHttpServer } from '../../src/http/http-server.ts';
import { createRouter } from '../../src/http/router.ts';
import { SYSTEM_CLOCK } from './spicedb.ts';

/** The door alone, as the server makes it. */
export interface ForwardAuthDoor extends AsyncDisposable {
  readonly address: string;
}

export interface ForwardAuthDoorOptions extends Partial<ForwardAuthOptions> {
  readonly authorizeRequest: AuthorizeRequest;
  /** Default: whoever brings no token may ask; there is none that would be known. */
  readonly authenticate?: AuthenticateCaller;
  /** Milliseconds that a call may take. Default 30,000. */
  readonly defaultTimeoutMs?: number;
}

const LIMITS = {
  maxTimeoutMs: 30_000,
  maxStreamTimeoutMs: 30_000,
  maxConcurrentCalls: 100,
  maxQueuedCalls: 100,
  maxMessageBytes: 4_096,
  maxReceivingBytes: 65_536,
  requestTimeoutMs: 10_000,
  stallTimeoutMs: 60_000,
  maxConnections: 1_000,
  maxHeaderBytes: 16_384,
};

/** Over whatever decides, which need not be what ever does: for answers and faults that the whole server gives seldom. */
export async function startForwardAuthDoor({
  authorizeRequest,
  requestHeaders = 'forwarded',
  deniedStatus = 404,
  authenticate = acceptWithoutToken,
  defaultTimeoutMs = 30_000,
}: ForwardAuthDoorOptions): Promise<ForwardAuthDoor> {
  const serve = createServeEndpoint(
    {
      pipeline: createPipeline(
        { clock: SYSTEM_CLOCK, observer: { ended: () => undefined }, authenticate },
        { ...LIMITS, defaultTimeoutMs },
      ),
      createDecisionId: randomUUID,
      budget: createReceiveBudget({ collect: () => undefined }, { maxBytes: LIMITS.maxReceivingBytes }),
    },
    LIMITS,
  );
  const endpoint = serve(createForwardAuth({ authorizeRequest }, { requestHeaders, deniedStatus }));
  const server = await openHttpServer(createRouter([endpoint]), { host: '127.0.0.1', port: 0, ...LIMITS });
  return {
    address: server.address,
    [Symbol.asyncDispose]: async () => server.close(0),
  };
}

const acceptWithoutToken: AuthenticateCaller = (credentials) => {
  if (credentials.authorization() !== undefined) throw new UnauthenticatedError('unknown_token');
  return LOCAL_CALLER;
};
