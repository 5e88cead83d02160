import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { ExplainedCheck, Explanation, UsedParentStep } from '../authorize/explanation.ts';
import { createDecides, grantsOf } from '../authorize/explain-trace.ts';
import type { Permissionship, Snapshot, TraceNode } from '../authorize/ports-explain.ts';
import type { Consistency } from '../domain/consistency.ts';
import type {
  CheckedObjectSchema,
  CheckStepSchema,
  ExplainDecisionResponse,
  ParentStepSchema,
  TraceNodeSchema,
} from '../gen/taskgate/admin/v1/admin_pb.js';
import {
  CheckedObject_Kind as ObjectKind,
  ExplainDecisionResponseSchema,
  ParentStep_Outcome as StepOutcome,
  Permissionship as PermissionshipMessage,
} from '../gen/taskgate/admin/v1/admin_pb.js';
import { fromQuestion } from './convert-question.ts';
import { fromOutcomeKind, fromRecentDecision } from './convert-recent.ts';

const TENANT = 'tenant';

const PERMISSIONSHIPS: Readonly<Record<Permissionship, PermissionshipMessage>> = {
  held: PermissionshipMessage.HELD,
  denied: PermissionshipMessage.DENIED,
  conditional: PermissionshipMessage.CONDITIONAL,
  unknown: PermissionshipMessage.UNKNOWN,
};

const STEP_OUTCOMES: Readonly<Record<UsedParentStep['result']['kind'], StepOutcome>> = {
  found: StepOutcome.FOUND,
  absent: StepOutcome.ABSENT,
  miss: StepOutcome.MISS,
  failed: StepOutcome.FAULT,
};

export function fromExplanation(explanation: Explanation): ExplainDecisionResponse {
  const { principal, check, recorded, plan, parents, object, checks, verdict } = explanation;
  return create(ExplainDecisionResponseSchema, {
    question: fromQuestion(principal, check),
    ...(recorded === undefined ? {} : { recorded: fromRecentDecision(recorded) }),
    plan: {
      objectType: plan.objectType,
      permission: plan.permission,
      consistency: formatConsistency(plan.consistency),
      floor: plan.floor === undefined ? '' : formatConsistency(plan.floor),
      flags: [...plan.flags],
    },
    parents: parents.map(fromParentStep),
    object: fromObject(object),
    checks: checks.map(fromCheck),
    verdict: { outcome: fromOutcomeKind(verdict.outcome), reason: verdict.reason, why: verdict.why },
  });
}

function fromParentStep({ layer, result, detail, isUsed }: UsedParentStep): MessageInitShape<typeof ParentStepSchema> {
  return {
    layer,
    outcome: STEP_OUTCOMES[result.kind],
    parentId: result.kind === 'found' ? result.id : '',
    used: isUsed,
    detail,
  };
}

function fromObject(object: Explanation['object']): MessageInitShape<typeof CheckedObjectSchema> {
  switch (object.kind) {
    case 'resource':
      return { kind: ObjectKind.RESOURCE, type: object.type, id: object.id };
    case 'tenant':
      return { kind: ObjectKind.TENANT, type: TENANT, id: object.account };
    case 'absent':
      return { kind: ObjectKind.ABSENT, type: object.type };
    case 'failed':
      return { kind: ObjectKind.UNKNOWN, type: object.type };
    default:
      return object satisfies never;
  }
}

function fromCheck(check: ExplainedCheck): MessageInitShape<typeof CheckStepSchema> {
  const { purpose, permission, object, result, checkedAt, trace, cached, error } = check;
  return {
    purpose,
    permission,
    object: fromObject(object),
    result: PERMISSIONSHIPS[result],
    checkedAt,
    ...(trace === undefined
      ? {}
      : { trace: fromTrace(trace, createDecides(trace), true), grants: [...grantsOf(trace)] }),
    ...(cached === undefined
      ? {}
      : {
          cached: {
            result: PERMISSIONSHIPS[cached.result.kind === 'failed' ? 'unknown' : cached.result.kind],
            checkedAt: cached.checkedAt,
            expiresInMs: cached.expiresInMs,
          },
        }),
    error: error?.message ?? '',
  };
}

function fromTrace(
  node: TraceNode,
  decides: ReturnType<typeof createDecides>,
  isAbove: boolean,
): MessageInitShape<typeof TraceNodeSchema> {
  const { objectType, objectId, name, isRelation, subject, result, caveat, wasCached, durationMs, children } = node;
  const isOnTheWay = isAbove && decides(node);
  return {
    objectType,
    objectId,
    name,
    isRelation,
    subject,
    result: PERMISSIONSHIPS[result],
    ...(caveat === undefined ? {} : { caveat }),
    wasCached,
    durationMs,
    decides: isOnTheWay,
    children: children.map((child) => fromTrace(child, decides, isOnTheWay)),
  };
}

function formatConsistency(consistency: Consistency | Snapshot): string {
  return consistency.kind;
}
