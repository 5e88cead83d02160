import type { ExplainDecision } from '../authorize/explain-decision.ts';
import type { OperatorState, RecentDecisions } from '../authorize/ports-explain.ts';
import type { Clock } from '../authorize/ports.ts';
import { AdminService } from '../gen/taskgate/admin/v1/admin_pb.js';
import { fromExplanation } from './convert-explanation.ts';
import { fromState } from './convert-state.ts';
import { toExplainRequest, toRecentFilter } from './convert-admin-request.ts';
import { fromRecentDecisions } from './convert-recent.ts';
import type { Procedure } from './procedure.ts';
import { defineUnary } from './procedure.ts';

export interface AdminProcedureDeps {
  readonly explainDecision: ExplainDecision;
  readonly recent: RecentDecisions;
  readonly readState: () => Promise<OperatorState>;
  readonly clock: Clock;
}

/** Every procedure of `taskgate.admin.v1.AdminService`. */
export function createAdminProcedures(deps: AdminProcedureDeps): readonly Procedure[] {
  return [
    defineUnary({
      method: AdminService.method.explainDecision,
      handle: async (request, _call, context) =>
        fromExplanation(await deps.explainDecision(toExplainRequest(request), context)),
    }),
    defineUnary({
      method: AdminService.method.recentDecisions,
      handle: (request) => fromRecentDecisions(deps.recent, deps.recent.list(toRecentFilter(request))),
    }),
    defineUnary({
      method: AdminService.method.getState,
      handle: async () => fromState(await deps.readState(), deps.clock.nowMs()),
    }),
  ];
}
