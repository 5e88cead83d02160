/** When one replica had Watch, and when it may have missed changes. Times are milliseconds since the epoch. */
export interface WatchHealth {
  /** Notes how it is now; it counts as well only after it has been for a while. */
  note(isWell: boolean): void;
  /** True if it was well all the time. */
  wasWell(fromMs: number, toMs: number): boolean;
}

/** A stream that is open follows changes a moment later: the replica has read the schema before it asked for it. */
const SETTLE_MS = 500;

export function createWatchHealth(): WatchHealth {
  /** Times at which it was not well, the last one open while it lasts. */
  const spells: { readonly fromMs: number; toMs: number }[] = [{ fromMs: 0, toMs: Infinity }];
  let wellSinceMs: number | undefined;
  return {
    note(isWell) {
      const nowMs = Date.now();
      const last = spells.at(-1);
      if (!isWell) {
        wellSinceMs = undefined;
        if (last?.toMs !== Infinity) spells.push({ fromMs: nowMs, toMs: Infinity });
        return;
      }
      wellSinceMs ??= nowMs;
      if (last?.toMs === Infinity && nowMs - wellSinceMs >= SETTLE_MS) last.toMs = nowMs;
    },
    wasWell(fromMs, toMs) {
      const spell = spells.findLast((candidate) => candidate.fromMs <= toMs);
      return spell === undefined || spell.toMs < fromMs;
    },
  };
}
