import type {
  CheckedObject,
  CheckStep,
  ExplainDecisionResponse,
  ParentStep,
  TraceNode,
} from '../gen/taskgate/admin/v1/admin_pb.js';
import {
  CheckedObject_Kind as ObjectKind,
  ParentStep_Outcome as StepOutcome,
  Permissionship,
  Verdict_Outcome as Outcome,
} from '../gen/taskgate/admin/v1/admin_pb.js';
import type { CheckTaskRequest } from '../gen/taskgate/v1/authorization_pb.js';
import { Operation } from '../gen/taskgate/v1/authorization_pb.js';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  [Outcome.UNSPECIFIED]: 'COULD NOT TELL',
  [Outcome.ALLOWED]: 'ALLOWED',
  [Outcome.NOT_FOUND]: 'NOT_FOUND',
  [Outcome.FORBIDDEN]: 'FORBIDDEN',
  [Outcome.COULD_NOT_TELL]: 'COULD NOT TELL',
};
const RESULTS: Readonly<Record<Permissionship, string>> = {
  [Permissionship.UNSPECIFIED]: 'unknown',
  [Permissionship.HELD]: 'held',
  [Permissionship.DENIED]: 'denied',
  [Permissionship.CONDITIONAL]: 'conditional, so denied',
  [Permissionship.UNKNOWN]: 'unknown',
};
const STEPS: Readonly<Record<StepOutcome, string>> = {
  [StepOutcome.UNSPECIFIED]: '?',
  [StepOutcome.FOUND]: 'found',
  [StepOutcome.ABSENT]: 'absent',
  [StepOutcome.MISS]: 'miss',
  [StepOutcome.FAULT]: 'FAULT',
};
/** The plan's floor where a decision is replayed. */
const REPLAYED = 'at_exact_snapshot';
const GREEN = 32;
const RED = 31;
const YELLOW = 33;
const DIM = 2;
const LAYER_WIDTH = 9;
const OUTCOME_WIDTH = 7;
/** What a terminal would act on, or show as something else: C0, C1, and what changes the direction of text. */
// oxlint-disable-next-line eslint/no-control-regex -- these are what must not come through
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g;

/** Shows what a terminal would act on as `\u{…}`: ids are anybody's text. */
export function toPlainText(text: string): string {
  return text.replaceAll(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** An explanation as text: the decision, the parent, and each check as a tree. */
export function renderExplanation(
  explanation: ExplainDecisionResponse,
  { isColored }: { readonly isColored: boolean },
): string {
  const paint: Paint = isColored ? (code, text) => `\u001B[${code}m${text}\u001B[0m` : (_, text) => text;
  const { question, verdict, parents, checks, plan, recorded, object } = explanation;
  const outcome = verdict?.outcome ?? Outcome.UNSPECIFIED;
  const lines = [
    `${toPlainText(formatQuestion(question))}: ${paint(colorOf(outcome), OUTCOMES[outcome])}`,
    `  ${toPlainText(verdict?.why ?? '')}`,
    ...(recorded === undefined ? [] : ['', ...renderRecorded(explanation)]),
    ...(parents.length === 0
      ? []
      : ['', `parent of ${toPlainText(formatResource(question))}`, ...renderParents(parents, object, paint)]),
  ];
  for (const check of checks) lines.push('', ...renderCheck(check, explanation, paint));
  if (plan !== undefined && plan.flags.length > 0) lines.push('', `turned on: ${plan.flags.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

type Paint = (code: number, text: string) => string;

function colorOf(outcome: Outcome): number {
  if (outcome === Outcome.ALLOWED) return GREEN;
  return outcome === Outcome.NOT_FOUND || outcome === Outcome.FORBIDDEN ? RED : YELLOW;
}

function formatQuestion(question: CheckTaskRequest | undefined): string {
  const { subject, accountId = '' } = question?.principal ?? {};
  const kinds = { userId: 'user', serviceAccountId: 'service_account', agentId: 'agent' } as const;
  const who = subject?.case === undefined ? '?' : `${kinds[subject.case]}:${subject.value}`;
  const operation = Operation[question?.operation ?? Operation.UNSPECIFIED].toLowerCase();
  return `${who} of ${accountId}, ${operation} ${formatResource(question)}`;
}

function formatResource(question: CheckTaskRequest | undefined): string {
  const { type = '', key } = question?.resource ?? {};
  return key?.case === 'name' ? `${type} named ${JSON.stringify(key.value)}` : `${type}:${key?.value ?? ''}`;
}

function formatObject({ kind, type, id }: CheckedObject): string {
  return kind === ObjectKind.ABSENT || kind === ObjectKind.UNKNOWN ? `an absent ${type}` : `${type}:${id}`;
}

function renderRecorded({ recorded, verdict, plan }: ExplainDecisionResponse): readonly string[] {
  if (recorded === undefined) return [];
  const { decisionId, decidedAt, caller, outcome, reason } = recorded;
  const at = decidedAt === undefined ? '' : new Date(Number(decidedAt.seconds) * 1_000).toISOString();
  const isSame = outcome === verdict?.outcome;
  const isReplayed = plan?.floor === REPLAYED;
  return [
    `decision ${toPlainText(decisionId)}, made ${at} for ${toPlainText(caller)}: ${OUTCOMES[outcome]} (${toPlainText(reason)})`,
    isReplayed ? replayed(isSame) : '  nobody was asked for it: explained as of now',
  ];
}

function replayed(isSame: boolean): string {
  return isSame
    ? '  replayed at its revision'
    : '  replayed at its revision it comes out differently: rows have changed since';
}

function renderParents(
  parents: readonly ParentStep[],
  object: CheckedObject | undefined,
  paint: Paint,
): readonly string[] {
  return parents.map(({ layer, outcome, parentId, used, detail }) => {
    const found = outcome === StepOutcome.FOUND ? `${object?.type ?? ''}:${parentId}, ` : '';
    const line = `${layer.padEnd(LAYER_WIDTH)} ${STEPS[outcome].padEnd(OUTCOME_WIDTH)} ${toPlainText(found + detail)}`;
    return used ? `▸ ${line}` : paint(DIM, `  ${line}`);
  });
}

function renderCheck(check: CheckStep, { plan }: ExplainDecisionResponse, paint: Paint): readonly string[] {
  const { permission, object, result, trace, cached, error, purpose } = check;
  const on = object === undefined ? '' : formatObject(object);
  const asked = purpose === 'permission' ? 'permission' : `permission (asked for ${purpose})`;
  const raised = plan?.floor === '' || plan === undefined ? '' : `, raised to ${plan.floor}`;
  return [
    toPlainText(`${asked} ${permission} on ${on}: ${RESULTS[result]}`),
    toPlainText(`  read with ${plan?.consistency ?? ''}${raised}`),
    cached === undefined
      ? '  not in the decision cache'
      : `  in the decision cache: ${RESULTS[cached.result]}, for another ${cached.expiresInMs} ms`,
    ...(error === '' ? [] : [`  ${paint(YELLOW, toPlainText(error))}`]),
    ...(trace === undefined ? [] : renderTrace(trace, '  ', paint)),
  ];
}

function renderTrace(node: TraceNode, indent: string, paint: Paint, connector = ''): readonly string[] {
  const { objectType, objectId, name, result, isRelation, caveat, wasCached, decides, children } = node;
  const mark = result === Permissionship.HELD ? '✓' : '✗';
  const label = `${objectType}:${objectId}${isRelation ? '#' : ' '}${name}`;
  const context = Object.entries(caveat?.context ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const values = context.map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join(', ');
  const condition =
    caveat === undefined ? '' : `  [${caveat.name}: ${caveat.expression} is ${caveat.result}; ${values}]`;
  const line = toPlainText(`${mark} ${label}${condition}${wasCached ? '  (from SpiceDB’s cache)' : ''}`);
  const color = result === Permissionship.HELD ? GREEN : RED;
  const below = connector === '' ? indent : `${indent}${connector === '└─ ' ? '   ' : '│  '}`;
  return [
    `${indent}${connector}${paint(decides ? color : DIM, line)}`,
    ...children.flatMap((child, index) =>
      renderTrace(child, below, paint, index === children.length - 1 ? '└─ ' : '├─ '),
    ),
  ];
}
