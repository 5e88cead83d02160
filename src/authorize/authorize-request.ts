import type { Outcome } from '../domain/decision.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { CheckTask } from './check-task.ts';
import { readExtensions } from './read-extensions.ts';
import type { CallContext } from './ports.ts';
import type {
  FindRoute,
  GatewayAnswer,
  GatewayObserver,
  GatewayRequest,
  IdentifyPrincipal,
  RouteMatch,
} from './ports-gateway.ts';

/** What a gateway's call is known by. */
export interface GatewayCall {
  readonly decisionId: string;
  /** The name of the gateway. */
  readonly caller: string;
}

/**
 * Answers whether a request may go on to the application.
 *
 * Whoever has no principal is told so for every route that is not public, before anything else is said: so who is not
 * known can't find out which routes there are.
 *
 * @throws TaskgateError when it could not be told.
 */
export type AuthorizeRequest = (
  request: GatewayRequest,
  call: GatewayCall,
  context: CallContext,
) => Promise<GatewayAnswer>;

/** The type whose ids an answer names. */
const TASK = 'task';

export function createAuthorizeRequest({
  findRoute,
  identify,
  checkTask,
  observer,
}: {
  readonly findRoute: FindRoute;
  readonly identify: IdentifyPrincipal;
  readonly checkTask: CheckTask;
  /** Told of every answer that is no error. Default: nobody. */
  readonly observer?: GatewayObserver;
}): AuthorizeRequest {
  return async (request, call, context) => {
    const match = readExtensions(request.extensions) ?? findRoute(request);
    const answered = (answer: GatewayAnswer, reason?: string): GatewayAnswer => {
      observer?.answered({ match, answer: answer.kind, ...(reason === undefined ? {} : { reason }) });
      return answer;
    };
    if (match.kind === 'public') return answered({ kind: 'allowed', principal: undefined });
    const identified = await identify(request, context);
    if (identified.kind === 'unauthenticated') return answered({ kind: 'unauthenticated' }, identified.reason);
    const { principal } = identified;
    switch (match.kind) {
      case 'none':
        return answered({ kind: 'not_found' });
      case 'malformed':
        return answered({ kind: 'malformed' }, match.problem);
      case 'authenticated':
        return answered({ kind: 'allowed', principal });
      case 'check': {
        const ask = async (check: TaskCheck) => checkTask({ ...call, principal, check }, context);
        return answered(decide(principal, await askAll(match, ask)));
      }
      default:
        return match satisfies never;
    }
  };
}

/** All are always asked, so that how long it takes does not tell which one was denied. */
async function askAll(
  match: RouteMatch & { kind: 'check' },
  ask: (check: TaskCheck) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  return Promise.all([match.check, ...(match.also ?? [])].map(ask));
}

/** One that could not be told is an error of the whole, whatever the others are; hidden outweighs forbidden. */
function decide(principal: Principal, outcomes: readonly Outcome[]): GatewayAnswer {
  const decisions = outcomes.map((outcome) => {
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.decision;
  });
  if (decisions.some(({ kind }) => kind === 'NOT_FOUND')) return { kind: 'not_found' };
  if (decisions.some(({ kind }) => kind === 'FORBIDDEN')) return { kind: 'forbidden' };
  for (const decision of decisions) {
    if (decision.kind === 'ALLOWED' && decision.object?.type === TASK) {
      return { kind: 'allowed', principal, taskId: decision.object.id };
    }
  }
  return { kind: 'allowed', principal };
}
