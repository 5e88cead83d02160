import type { Clock } from '../authorize/ports.ts';
import type { ListRecord } from '../authorize/ports-list-log.ts';
import type { MaskOptions } from './show-fields.ts';
import { createShowField } from './show-fields.ts';

/** Writes what is known of one list as one line of JSON, with its line break: how many it holds, and none of them. */
export function createListLine(
  {
    clock,
    stopwatchMs,
  }: { readonly clock: Clock; /** As of `AskedBy.startedAtMs`. */ readonly stopwatchMs: () => number },
  options: MaskOptions,
): (record: ListRecord) => string {
  const show = createShowField(options);
  return (record) => {
    const { method, decisionId, caller, principal, types, operation, outcome, reason, startedAtMs, traceId } = record;
    const { id, account } = principal;
    const { asked, listed, revision, flags } = record;
    const line = {
      kind: 'list',
      method,
      id: decisionId,
      time: new Date(clock.nowMs()).toISOString(),
      caller: show('caller', caller),
      principal: {
        kind: principal.kind,
        id: id === undefined ? undefined : show('principal.id', id),
        account: account === undefined ? undefined : show('principal.account', account),
      },
      resource: types.length === 1 ? { type: types[0] } : { types },
      operation,
      decision: outcome,
      reason,
      asked,
      listed,
      revision,
      latency_ms: Math.round((stopwatchMs() - startedAtMs) * 1_000) / 1_000,
      flags: flags.length === 0 ? undefined : flags,
      trace_id: traceId,
    };
    return `${JSON.stringify(line)}\n`;
  };
}
