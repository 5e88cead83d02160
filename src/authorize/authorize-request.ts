import type { Outcome } from '../domain/decision.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { CheckTask } from './check-task.ts';
import { readExtensions } from './read-extensions.ts';
import type {
  AuthorizeRequest,
  FindRoute,
  GatewayAnswer,
  GatewayObserver,
  IdentifiedPrincipal,
  IdentifyPrincipal,
  RouteMatch,
} from './ports-gateway.ts';

/** The type whose ids an answer names. */
const TASK = 'task';

/**
 * Whoever has no principal is told so for every route that is not public, before anything else is said: so who is not
 * known can't find out which routes there are.
 */
export function createAuthorizeRequest({
  findRoute,
  identify,
  checkTask,
  observer,
}: {
  readonly findRoute: FindRoute;
  readonly identify: IdentifyPrincipal;
  readonly checkTask: CheckTask;
  /** Default: nobody. */
  readonly observer?: GatewayObserver;
}): AuthorizeRequest {
  return (request, call, context) => {
    const match = readExtensions(request.extensions) ?? findRoute(request);
    const answered = (answer: GatewayAnswer, reason?: string): GatewayAnswer => {
      observer?.answered({ match, answer: answer.kind, reason });
      return answer;
    };
    const failed = (thrown: unknown): never => {
      observer?.failed(match, toTaskgateError(thrown));
      throw thrown;
    };
    if (match.kind === 'public') return answered({ kind: 'allowed', principal: undefined });
    const answerTo = (identified: IdentifiedPrincipal): GatewayAnswer | Promise<GatewayAnswer> => {
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
          const ask = (check: TaskCheck) => checkTask({ ...call, principal, check }, context);
          const outcomes = askAll(match, ask);
          return outcomes instanceof Promise
            ? outcomes.then((known) => answered(decide(principal, known)))
            : answered(decide(principal, outcomes));
        }
        default:
          return match satisfies never;
      }
    };
    let answer: GatewayAnswer | Promise<GatewayAnswer>;
    try {
      const identified = identify(request, context);
      answer = identified instanceof Promise ? identified.then(answerTo) : answerTo(identified);
    } catch (thrown) {
      return failed(thrown);
    }
    return answer instanceof Promise ? answer.catch(failed) : answer;
  };
}

/** All are always asked, so that how long it takes does not tell which one was denied. At once if nobody has to wait. */
function askAll(
  { check, also = [] }: RouteMatch & { kind: 'check' },
  ask: (check: TaskCheck) => Outcome | Promise<Outcome>,
): readonly Outcome[] | Promise<readonly Outcome[]> {
  const asked = [ask(check)];
  for (const other of also) asked.push(ask(other));
  const known: Outcome[] = [];
  for (const outcome of asked) {
    if (outcome instanceof Promise) return Promise.all(asked.map(async (pending) => pending));
    known.push(outcome);
  }
  return known;
}

/** One that could not be told is an error of the whole, whatever the others are; hidden outweighs forbidden. */
function decide(principal: Principal, outcomes: readonly Outcome[]): GatewayAnswer {
  let denial: Exclude<GatewayAnswer['kind'], 'allowed'> | undefined;
  let taskId: string | undefined;
  for (const outcome of outcomes) {
    if (outcome.kind === 'failed') throw outcome.error;
    const { decision } = outcome;
    if (decision.kind === 'NOT_FOUND') denial = 'not_found';
    else if (decision.kind === 'FORBIDDEN') denial ??= 'forbidden';
    else if (decision.object?.type === TASK) taskId ??= decision.object.id;
  }
  if (denial !== undefined) return { kind: denial };
  return taskId === undefined ? { kind: 'allowed', principal } : { kind: 'allowed', principal, taskId };
}
