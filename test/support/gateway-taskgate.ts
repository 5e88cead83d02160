import { randomUUID } from 'node:crypto';
import type { AuthorizeRequest, GatewayAnswer } from '../../src/authorize/ports-gateway.ts';
import type { AuthenticateCaller } from '../../src/authorize/ports-callers.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import { createReceiveBudget } from '../../src/calls/receive-budget.ts';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { UnauthenticatedError, UnavailableError } from '../../src/domain/errors.ts';
import type { Principal } from '../../src/domain/principal.ts';
import { createServeEndpoint } from '../../src/http/endpoint.ts';
import type { ForwardAuthOptions } from '../../src/http/forward-auth/forward-auth.ts';
import { createForwardAuth } from '../../src/http/forward-auth/forward-auth.ts';
import { openHttpServer } from '../../src/http/http-server.ts';
import { createRouter } from '../../src/http/router.ts';
import { SYSTEM_CLOCK } from './spicedb.ts';

/** A taskgate that gateways ask. */
export interface GatewayTaskgate extends AsyncDisposable {
  readonly address: string;
  /** The `authorization` header of a user in an account. */
  authorizationOf(user: string, account: string): string;
  /** What happens to whatever must be looked up from now on. */
  setStores(mode: StoresMode): void;
}

export type StoresMode = 'ok' | 'down' | 'held';

export interface GatewayTaskgateOptions extends Partial<ForwardAuthOptions> {
  /** Default: whoever brings no token may ask; there is none that would be known. */
  readonly authenticate?: AuthenticateCaller;
  /** In place of the decisions below. */
  readonly authorizeRequest?: AuthorizeRequest;
  /** Milliseconds that a call may take. Default 30,000: the gateway is the first that has enough. */
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
const BEARER = /^Bearer (?<user>[^@]+)@(?<account>.+)$/;
const TASK_PATH = /^\/tasks\/(?<id>[^/?#]+)(?:\?[^#]*)?$/;

/** The door as the server makes it, over decisions on the sample data. */
export async function startGatewayTaskgate(options: GatewayTaskgateOptions = {}): Promise<GatewayTaskgate> {
  const { requestHeaders = 'forwarded', deniedStatus = 404, authenticate = acceptWithoutToken } = options;
  const { defaultTimeoutMs = 30_000 } = options;
  let stores: StoresMode = 'ok';
  const authorizeRequest = options.authorizeRequest ?? createSampleDecisions(() => stores);
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
    authorizationOf: (user, account) => `Bearer ${user}@${account}`,
    setStores(mode) {
      stores = mode;
    },
    [Symbol.asyncDispose]: async () => server.close(0),
  };
}

const acceptWithoutToken: AuthenticateCaller = ({ authorization }) => {
  if (authorization() !== undefined) throw new UnauthenticatedError('unknown_token');
  return LOCAL_CALLER;
};

/** As the sample data has it: alice owns `task-1` and `task/1` in acme, where carol views `task-1`; mallory's is `task-9`. */
function createSampleDecisions(stores: () => StoresMode): AuthorizeRequest {
  return async ({ method, target, headers }, _call, context) => {
    // Whoever finds principals by such headers would believe the client.
    if (headers.has('x-taskgate-principal-id')) return { kind: 'unauthenticated' };
    if (target === '/public') return { kind: 'allowed', principal: undefined };
    const principal = findPrincipal(headers.get('authorization') ?? []);
    if (principal === undefined) return { kind: 'unauthenticated' };
    const path = TASK_PATH.exec(target);
    if (path === null) return { kind: 'not_found' };
    if (stores() === 'down') throw new UnavailableError('database');
    if (stores() === 'held') {
      const { signal } = context;
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    }
    return decide(principal, decodeURIComponent(path.groups?.['id'] ?? ''), method);
  };
}

function findPrincipal(authorizations: readonly string[]): Principal | undefined {
  const groups = authorizations.length === 1 ? BEARER.exec(authorizations[0] ?? '')?.groups : undefined;
  return groups && { kind: 'user', id: groups['user'] ?? '', account: groups['account'] ?? '' };
}

function decide(principal: Principal, id: string, method: string): GatewayAnswer {
  const who = `${principal.id}@${principal.account} ${id}`;
  const isOwner = ['alice@acme task-1', 'alice@acme task/1', 'mallory@globex task-9'].includes(who);
  if (isOwner) return { kind: 'allowed', principal, taskId: id };
  if (who !== 'carol@acme task-1') return { kind: 'not_found' };
  return method === 'DELETE' ? { kind: 'forbidden' } : { kind: 'allowed', principal, taskId: id };
}
