import { createHmac } from 'node:crypto';
import type { Clock, DecisionRecord } from '../authorize/ports.ts';
import type { ResourceKey } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';

/** What of a line can be left out or made unreadable. */
export const MASKABLE_FIELDS = ['caller', 'principal.id', 'principal.account', 'resource.id', 'resource.name'] as const;
export type MaskableField = (typeof MASKABLE_FIELDS)[number];
/** `hash`: by a keyed hash, so that equal values stay equal and can't be guessed from it. */
export type Masking = 'omit' | 'hash';

export interface DecisionLineOptions {
  readonly mask: ReadonlyMap<MaskableField, Masking>;
  /** Needed with `hash`. */
  readonly hashKey: string | undefined;
}

/** 128 bits: two values in one log don't meet. */
const HASH_LENGTH = 32;

/** Writes one decision as one line of JSON, with its line break. */
export function createDecisionLine(
  {
    clock,
    stopwatchMs,
  }: { readonly clock: Clock; /** As of `DecisionRecord.startedAtMs`. */ readonly stopwatchMs: () => number },
  { mask, hashKey = '' }: DecisionLineOptions,
): (record: DecisionRecord) => string {
  const show = (field: MaskableField, value: string): string | undefined => {
    const how = mask.get(field);
    if (how === undefined) return value;
    if (how === 'omit') return undefined;
    // The field is part of it: an id that is also an account is not told by its hash.
    return `hash:${createHmac('sha256', hashKey).update(`${field}\0${value}`).digest('hex').slice(0, HASH_LENGTH)}`;
  };
  const showKey = (key: ResourceKey): object => {
    if (key.kind === 'new') return { id: NEW_RESOURCE_ID };
    return key.kind === 'id' ? { id: show('resource.id', key.id) } : { name: show('resource.name', key.name) };
  };
  return ({ decisionId, caller, principal, check, outcome, reason, evidence, startedAtMs, traceId }) => {
    const { key, type } = check.resource;
    const line = {
      kind: 'decision',
      id: decisionId,
      time: new Date(clock.nowMs()).toISOString(),
      caller: show('caller', caller),
      principal: {
        kind: principal.kind,
        id: show('principal.id', principal.id),
        account: show('principal.account', principal.account),
      },
      resource: { type, ...showKey(key) },
      operation: check.operation,
      decision: outcome,
      reason,
      revision: evidence === undefined || evidence.checkedAt === '' ? undefined : evidence.checkedAt,
      sources: evidence && { parent: evidence.parent, relationships: evidence.relationships },
      latency_ms: Math.round((stopwatchMs() - startedAtMs) * 1_000) / 1_000,
      flags: flagsOf(check),
      trace_id: traceId,
    };
    return `${JSON.stringify(line)}\n`;
  };
}

function flagsOf({ consistency, createIfAbsent }: DecisionRecord['check']): readonly string[] | undefined {
  const flags = [
    ...(consistency.kind === 'minimize_latency' ? [] : [consistency.kind]),
    ...(createIfAbsent ? ['create_if_absent'] : []),
  ];
  return flags.length === 0 ? undefined : flags;
}
