import { v1 } from '@authzed/authzed-node';
import type { CaveatStep, Permissionship, TracedCheck, TraceNode } from '../authorize/ports-explain.ts';
import { unescapeObjectId } from './object-id.ts';
import { parseToken } from './spicedb-answers.ts';
import { malformedAnswer } from './spicedb-errors.ts';

// The package exports neither these messages nor their enums by name.
type DebugTrace = NonNullable<NonNullable<v1.CheckPermissionResponse['debugTrace']>['check']>;
type CaveatInfo = NonNullable<DebugTrace['caveatEvaluationInfo']>;
const TRACED = { denied: 1, held: 2, conditional: 3 } as const;
const EVALUATED = { isFalse: 2, isTrue: 3 } as const;
const RELATION = 1;

const NANOS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1_000;
/** SpiceDB's own bound is 50. */
const MAX_DEPTH = 64;
/** More than any schema gives: what is beyond is not shown. */
const MAX_NODES = 5_000;

const RESULTS: ReadonlyMap<number, Permissionship> = new Map<number, Permissionship>([
  [v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION, 'held'],
  [v1.CheckPermissionResponse_Permissionship.NO_PERMISSION, 'denied'],
  [v1.CheckPermissionResponse_Permissionship.CONDITIONAL_PERMISSION, 'conditional'],
]);

/** @throws UnavailableError when the answer can't be understood. A trace that is not there is shown as none. */
export function parseTracedCheck(answer: v1.CheckPermissionResponse): TracedCheck {
  const result = RESULTS.get(answer.permissionship);
  if (result === undefined) throw malformedAnswer('the permissionship');
  const root = answer.debugTrace?.check;
  return {
    result,
    checkedAt: parseToken(answer.checkedAt),
    trace: root === undefined ? undefined : toNode(root, 0, { left: MAX_NODES }),
  };
}

function toNode(trace: DebugTrace, depth: number, budget: { left: number }): TraceNode {
  budget.left -= 1;
  const { resource, permission, permissionType, subject, duration, resolution } = trace;
  const caveat = toCaveat(trace.caveatEvaluationInfo);
  const below = resolution.oneofKind === 'subProblems' ? resolution.subProblems.traces : [];
  const children: TraceNode[] = [];
  for (const child of below) {
    if (budget.left > 0 && depth < MAX_DEPTH) children.push(toNode(child, depth + 1, budget));
  }
  return {
    objectType: resource?.objectType ?? '',
    objectId: toId(resource?.objectId ?? ''),
    name: permission,
    isRelation: isRelation(permissionType),
    subject: toSubject(subject),
    result: toResult(trace.result, caveat),
    caveat,
    wasCached: resolution.oneofKind === 'wasCachedResult' && resolution.wasCachedResult,
    durationMs: Number(duration?.seconds ?? 0) * MS_PER_SECOND + (duration?.nanos ?? 0) / NANOS_PER_MS,
    // SpiceDB asks them at once, so they come in any order.
    children: children.toSorted((a, b) => (labelOf(a) < labelOf(b) ? -1 : 1)),
  };
}

function labelOf({ objectType, objectId, name }: TraceNode): string {
  return `${objectType}:${objectId}#${name}`;
}

function isRelation(permissionType: number): boolean {
  return permissionType === RELATION;
}

/** In a trace what has a caveat is conditional, whatever the caveat came to. */
function toResult(result: number, caveat: CaveatStep | undefined): Permissionship {
  switch (result) {
    case TRACED.held:
      return 'held';
    case TRACED.denied:
      return 'denied';
    case TRACED.conditional:
      if (caveat?.result === 'true') return 'held';
      return caveat?.result === 'false' ? 'denied' : 'conditional';
    default:
      return 'unknown';
  }
}

function toCaveat(info: CaveatInfo | undefined): CaveatStep | undefined {
  if (info === undefined) return undefined;
  const { caveatName: name, expression, context } = info;
  const entries = Object.entries(context?.fields ?? {}).map(([key, value]) => [key, toText(value)] as const);
  return { name, expression, result: toEvaluation(info.result), context: Object.fromEntries(entries) };
}

function toEvaluation(result: number): CaveatStep['result'] {
  if (result === EVALUATED.isTrue) return 'true';
  return result === EVALUATED.isFalse ? 'false' : 'missing context';
}

function toText({ kind }: v1.PbStruct['fields'][string]): string {
  switch (kind.oneofKind) {
    case 'stringValue':
      return kind.stringValue;
    case 'numberValue':
      return String(kind.numberValue);
    case 'boolValue':
      return String(kind.boolValue);
    case 'nullValue':
      return 'null';
    case 'structValue':
      return '{…}';
    case 'listValue':
      return '[…]';
    case undefined:
    default:
      return '';
  }
}

function toSubject(subject: v1.SubjectReference | undefined): string {
  const { objectType = '', objectId = '' } = subject?.object ?? {};
  const relation = subject?.optionalRelation ?? '';
  return `${objectType}:${toId(objectId)}${relation === '' ? '' : `#${relation}`}`;
}

/** As the application writes it; what it can't have written is shown as it is. */
function toId(escaped: string): string {
  return unescapeObjectId(escaped) ?? escaped;
}
