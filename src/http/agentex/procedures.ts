import type { CheckTask } from '../../authorize/check-task.ts';
import type { ListReadableTasks } from '../../authorize/list-readable-tasks.ts';
import type { CallContext } from '../../authorize/ports.ts';
import type {
  AuthenticateHeaders,
  CredentialHeaders,
  PrincipalObserver,
  SignedPrincipals,
} from '../../authorize/ports-principals.ts';
import type { CallIdentity, Unary } from '../../calls/procedure.ts';
import type { CallerPermission } from '../../domain/caller.ts';
import { MINIMIZE_LATENCY } from '../../domain/consistency.ts';
import type { Outcome } from '../../domain/decision.ts';
import { InternalError, OverloadedError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/principal.ts';
import type { DeregisterResource } from '../../lifecycle/deregister-resource.ts';
import type { RegisterResource } from '../../lifecycle/register-resource.ts';
import type { JsonObject } from '../../domain/json-value.ts';
import type { AgentexAnswer } from './answers.ts';
import type { ChangeOwnRole } from './change-own-role.ts';
import { toCheck, toFilter, toGrant, toRegistration, toResource } from './requests.ts';

export interface AgentexDeps {
  readonly authenticate: AuthenticateHeaders;
  readonly principals: SignedPrincipals;
  readonly observer: Pick<PrincipalObserver, 'proved'>;
  readonly checkTask: CheckTask;
  readonly listReadableTasks: ListReadableTasks;
  readonly registerResource: RegisterResource;
  readonly deregisterResource: DeregisterResource;
  readonly grantOwnRole: ChangeOwnRole;
  readonly revokeOwnRole: ChangeOwnRole;
}

export interface AgentexOptions {
  /** Ids in one search. A longer list is an error: a part of one would hide the rest. */
  readonly maxItems: number;
}

/** One call of the contract whose body names a principal. */
export type AgentexProcedure = Unary<JsonObject, AgentexAnswer>;

/** Answers a call whose body has been read. */
type Answer = (
  principal: Principal,
  call: CallIdentity,
  context: CallContext,
) => AgentexAnswer | Promise<AgentexAnswer>;

const PAGE_SIZE = 10_000;
const DONE: AgentexAnswer = { kind: 'done' };
const UNAUTHENTICATED: AgentexAnswer = { kind: 'unauthenticated' };

/** Finds out who somebody is. All of it is in the headers. */
export function authnProcedure({ authenticate, principals }: AgentexDeps): Unary<CredentialHeaders, AgentexAnswer> {
  return {
    name: 'AgentexAuthn',
    permission: 'check',
    async handle(headers, _call, context) {
      const proved = await authenticate(headers, context);
      if (proved.kind === 'refused') return UNAUTHENTICATED;
      return { kind: 'principal', principal: principals.sign(proved.principal, proved.expiresAtMs) };
    },
  };
}

export function checkProcedure(deps: AgentexDeps): AgentexProcedure {
  return aboutPrincipal(deps, 'AgentexCheck', 'check', (body) => {
    const check = toCheck(body);
    return (principal, call, context) => {
      const outcome = deps.checkTask({ ...call, principal, check }, context);
      return outcome instanceof Promise ? outcome.then(fromOutcome) : fromOutcome(outcome);
    };
  });
}

export function searchProcedure(deps: AgentexDeps, { maxItems }: AgentexOptions): AgentexProcedure {
  return aboutPrincipal(deps, 'AgentexSearch', 'filter', (body) => {
    const filter = toFilter(body);
    return async (principal, call, context) => {
      const items: string[] = [];
      const list = {
        ...call,
        ...filter,
        principal,
        pageSize: PAGE_SIZE,
        position: undefined,
        consistency: MINIMIZE_LATENCY,
      };
      for await (const event of deps.listReadableTasks(list, context)) {
        if (event.kind === 'unscoped') return { kind: 'unscoped' };
        if (event.kind === 'complete') return { kind: 'items', items };
        for (const id of event.taskIds) items.push(id);
        if (items.length > maxItems) throw new OverloadedError({ cause: 'more ids than agentex.max_items' });
      }
      throw new InternalError({ cause: 'the list ended before it was complete' });
    };
  });
}

export function registerProcedure(deps: AgentexDeps): AgentexProcedure {
  return aboutPrincipal(deps, 'AgentexRegister', 'write', (body) => {
    const registration = toRegistration(body);
    return async (principal, _call, context) => {
      await deps.registerResource({ principal, ...registration }, context);
      return DONE;
    };
  });
}

export function deregisterProcedure(deps: AgentexDeps): AgentexProcedure {
  return aboutPrincipal(deps, 'AgentexDeregister', 'write', (body) => {
    const resource = toResource(body['resource'], 'resource');
    return async (principal, _call, context) => {
      await deps.deregisterResource({ principal, resource }, context);
      return DONE;
    };
  });
}

export function grantProcedure(deps: AgentexDeps): AgentexProcedure {
  return roleProcedure(deps, 'AgentexGrant', deps.grantOwnRole);
}

export function revokeProcedure(deps: AgentexDeps): AgentexProcedure {
  return roleProcedure(deps, 'AgentexRevoke', deps.revokeOwnRole);
}

function roleProcedure(deps: AgentexDeps, name: string, changeOwnRole: ChangeOwnRole): AgentexProcedure {
  return aboutPrincipal(deps, name, 'write', (body) => {
    const grant = toGrant(body);
    return async (principal, _call, context) => {
      await changeOwnRole({ principal, ...grant }, context);
      return DONE;
    };
  });
}

/** Principal first: whoever is not proved learns nothing of what would be right. Then the rest of the body. */
function aboutPrincipal(
  { principals, observer }: AgentexDeps,
  name: string,
  permission: CallerPermission,
  parse: (body: JsonObject) => Answer,
): AgentexProcedure {
  return {
    name,
    permission,
    handle(body, call, context) {
      const proved = principals.verify(body['principal']);
      if (proved.kind === 'refused') {
        observer.proved('signed', proved.reason);
        return UNAUTHENTICATED;
      }
      return parse(body)(proved.principal, call, context);
    },
  };
}

function fromOutcome(outcome: Outcome): AgentexAnswer {
  if (outcome.kind === 'failed') throw outcome.error;
  return outcome.decision.kind === 'ALLOWED' ? DONE : { kind: 'denied' };
}
