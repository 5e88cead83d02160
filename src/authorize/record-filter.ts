import type { Outcome } from '../domain/decision.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { FilterRequest } from './filter-readable-tasks.ts';
import type { ListFlag, ListLog } from './ports-list-log.ts';
import { flagOf } from './record-list.ts';

/** Writes one filter to the log, whatever it came to: how many are readable, or why that could not be told. */
export function recordFilter(
  log: ListLog,
  { decisionId, caller, startedAtMs, traceId, principal, operation, consistency, resources }: FilterRequest,
  outcomes: readonly Outcome[],
  result: number | TaskgateError,
): void {
  const flags = new Set<ListFlag>(flagOf(consistency));
  const revisions = new Set<string>();
  const reasons = new Set<string>();
  for (const outcome of outcomes) {
    if (outcome?.kind !== 'decided') continue;
    const { rollout, evidence, reason } = outcome;
    // What was decided as without a rollout says nothing of it.
    reasons.add(rollout === undefined ? 'decided' : reason);
    if (rollout !== undefined) flags.add(`enforcement=${rollout.enforcement}`);
    if (reason === 'bypassed') flags.add('bypass');
    if (evidence !== undefined) revisions.add(evidence.checkedAt);
  }
  const [reason = 'decided'] = reasons;
  const [revision = ''] = revisions;
  log.record({
    method: 'filter',
    decisionId,
    caller,
    startedAtMs,
    traceId,
    principal,
    types: [...new Set(resources.map(({ type }) => type))],
    operation,
    asked: resources.length,
    ...(typeof result === 'number'
      ? { outcome: 'LISTED', reason: reasons.size === 1 ? reason : 'decided', listed: result }
      : { outcome: 'ERROR', reason: result.name }),
    revision: revisions.size === 1 && revision !== '' ? revision : undefined,
    flags: [...flags],
  });
}
