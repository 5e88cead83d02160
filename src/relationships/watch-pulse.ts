import type { Clock } from '../authorize/ports.ts';

/** Less than this is a busy machine, not a stuck stream. */
const MIN_MISSED_MS = 2_000;
const MISSED_INTERVALS = 3;
/** So many that a few words which came together after a pause don't count, and few enough to forget the pause. */
const REMEMBERED_INTERVALS = 16;

/** How regularly Watch speaks while nothing changes. */
export interface WatchPulse {
  /** A stream has been opened. */
  opened(): void;
  /** A message came; `isIdle` if it told of no change. */
  heard(options: { readonly isIdle: boolean }): void;
  /** Milliseconds since the last message. */
  silentMs(): number;
  /** True if messages that should have come have not: nothing comes through, even if SpiceDB itself answers. */
  isMissed(): boolean;
}

/**
 * Learns it, because it depends on SpiceDB's datastore and its `--watch-api-heartbeat`: on Postgres and CockroachDB a
 * checkpoint comes in every interval, in memory none does, and there silence means nothing. A checkpoint that follows a
 * change follows from it; only those that follow one another tell the interval. What is learned outlives the stream: a
 * new one may be stuck from its beginning.
 */
export function createWatchPulse({ clock }: { readonly clock: Clock }): WatchPulse {
  let heardAtMs = clock.nowMs();
  let wasIdle = false;
  const intervalsMs: number[] = [];
  const silentMs = (): number => clock.nowMs() - heardAtMs;
  return {
    opened() {
      heardAtMs = clock.nowMs();
      wasIdle = false;
    },
    heard({ isIdle }) {
      if (isIdle && wasIdle) intervalsMs.push(silentMs());
      if (intervalsMs.length > REMEMBERED_INTERVALS) intervalsMs.shift();
      wasIdle = isIdle;
      heardAtMs = clock.nowMs();
    },
    silentMs,
    isMissed: () =>
      intervalsMs.length > 0 && silentMs() > Math.max(MIN_MISSED_MS, MISSED_INTERVALS * Math.max(...intervalsMs)),
  };
}
