import type { CheckRecord, Clock, DecisionLog, DecisionRecord } from './ports.ts';
import type { RecentDecision, RecentDecisions, RecentFilter } from './ports-explain.ts';

export interface RecentDecisionsOptions {
  /** Decisions that are kept; the oldest goes first. 0 keeps none. */
  readonly capacity: number;
}

/**
 * Kept in one second, of what is allowed and of everything else. Of more, a replica would remember a blink: and what a
 * record holds, which outlives the call, makes the garbage collector's work several times what the check takes.
 */
const MAX_A_SECOND = 100;
const SECOND_MS = 1_000;

interface Slot {
  decidedAtMs: number;
  record: CheckRecord | undefined;
}

/**
 * Keeps the latest checks in memory, some of them where there are many, and passes every record on. The slots are made
 * once: what a decision costs is two assignments.
 */
export function createRecentDecisions(
  { next, clock }: { readonly next: DecisionLog; readonly clock: Clock },
  { capacity }: RecentDecisionsOptions,
): { readonly log: DecisionLog; readonly recent: RecentDecisions } {
  const slots: Slot[] = Array.from({ length: capacity }, () => ({ decidedAtMs: 0, record: undefined }));
  const allowed = { secondEndsAtMs: 0, kept: 0 };
  const others = { secondEndsAtMs: 0, kept: 0 };
  let latest = 0;

  const at = (sequence: number): RecentDecision | undefined => {
    const slot = slots[sequence % capacity];
    if (slot?.record === undefined) return undefined;
    return { sequence, decidedAtMs: slot.decidedAtMs, record: slot.record };
  };

  const keep = (record: CheckRecord): void => {
    const nowMs = clock.nowMs();
    const share = record.outcome === 'ALLOWED' ? allowed : others;
    if (nowMs >= share.secondEndsAtMs) {
      share.secondEndsAtMs = nowMs + SECOND_MS;
      share.kept = 0;
    }
    if (share.kept >= MAX_A_SECOND) return;
    share.kept += 1;
    latest += 1;
    const slot = slots[latest % capacity];
    if (slot === undefined) return;
    slot.decidedAtMs = nowMs;
    slot.record = record;
  };

  return {
    log: {
      record(record) {
        if (isOfCheck(record)) keep(record);
        next.record(record);
      },
    },
    recent: {
      list(filter) {
        const found: RecentDecision[] = [];
        const oldest = Math.max(filter.after, latest - capacity) + 1;
        for (let sequence = latest; sequence >= oldest && found.length < filter.limit; sequence -= 1) {
          const decision = at(sequence);
          if (decision !== undefined && fits(decision.record, filter)) found.push(decision);
        }
        return found;
      },
      find(decisionId, index) {
        let left = index;
        for (let sequence = Math.max(0, latest - capacity) + 1; sequence <= latest; sequence += 1) {
          const decision = at(sequence);
          if (decision?.record.decisionId === decisionId && left-- === 0) return decision;
        }
        return undefined;
      },
      get latest() {
        return latest;
      },
      get kept() {
        return Math.min(latest, capacity);
      },
      capacity,
    },
  };
}

/** Who asks the schema itself has a principal of any kind, and no check that could be replayed. */
function isOfCheck(record: DecisionRecord): record is CheckRecord {
  return record.check !== undefined;
}

function fits(record: DecisionRecord, { outcome, type, operation, account, principalId }: RecentFilter): boolean {
  return (
    (outcome === undefined || record.outcome === outcome) &&
    (type === undefined || record.type === type) &&
    (operation === undefined || record.operation === operation) &&
    (account === undefined || record.principal.account === account) &&
    (principalId === undefined || record.principal.id === principalId)
  );
}
