import type { Clock, DecisionRecord } from '../authorize/ports.ts';
import type { ResourceKey } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { MaskOptions } from './show-fields.ts';
import { createShowField } from './show-fields.ts';

/** Writes one decision as one line of JSON, with its line break. */
export function createDecisionLine(
  {
    clock,
    stopwatchMs,
  }: { readonly clock: Clock; /** As of `DecisionRecord.startedAtMs`. */ readonly stopwatchMs: () => number },
  options: MaskOptions,
): (record: DecisionRecord) => string {
  const show = createShowField(options);
  const showKey = (key: ResourceKey): object => {
    if (key.kind === 'new') return { id: NEW_RESOURCE_ID };
    return key.kind === 'id' ? { id: show('resource.id', key.id) } : { name: show('resource.name', key.name) };
  };
  return (record) => {
    const { decisionId, caller, principal, type, check, operation, outcome, reason, evidence, traceId } = record;
    const nowMs = stopwatchMs();
    const { startedAtMs, answeredAtMs = nowMs } = record;
    const line = {
      kind: 'decision',
      id: decisionId,
      time: new Date(clock.nowMs() - (nowMs - answeredAtMs)).toISOString(),
      caller: show('caller', caller),
      principal: {
        kind: principal.kind,
        id: show('principal.id', principal.id),
        account: principal.account === undefined ? undefined : show('principal.account', principal.account),
      },
      resource: { type, ...(check === undefined ? {} : showKey(check.resource.key)) },
      operation,
      decision: outcome,
      reason,
      revision: evidence === undefined || evidence.checkedAt === '' ? undefined : evidence.checkedAt,
      sources: evidence && { parent: evidence.parent, relationships: evidence.relationships },
      latency_ms: Math.round((answeredAtMs - startedAtMs) * 1_000) / 1_000,
      flags: flagsOf(record),
      trace_id: traceId,
    };
    return `${JSON.stringify(line)}\n`;
  };
}

/** What else bore on the answer, in words; where they have a value it is behind `=`. */
function flagsOf({
  check,
  enforcement,
  legacy,
  shadow,
  difference,
  bypass,
}: DecisionRecord): readonly string[] | undefined {
  const named = Object.entries({
    enforcement,
    legacy,
    shadow: shadow?.outcome,
    shadow_reason: shadow?.reason,
    difference,
  });
  const flags = [
    ...(check === undefined || check.consistency.kind === 'minimize_latency' ? [] : [check.consistency.kind]),
    ...(check?.createIfAbsent === true ? ['create_if_absent'] : []),
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
    ...(bypass === true ? ['bypass'] : []),
  ];
  return flags.length === 0 ? undefined : flags;
}
