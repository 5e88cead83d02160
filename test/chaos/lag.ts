/** How long a process did not get to run when it wanted to. */
export interface LagRecord {
  add(lag: Lag): void;
  /** Milliseconds of it between the two times, which are milliseconds since the epoch. */
  between(fromMs: number, toMs: number): number;
  readonly longestMs: number;
}

/** At `atMs` the process was `lagMs` late. */
export interface Lag {
  readonly atMs: number;
  readonly lagMs: number;
}

/** How often a process looks. What is shorter than this is not lag. */
export const LAG_PROBE_MS = 20;

export function createLagRecord(): LagRecord {
  const lags: Lag[] = [];
  let longestMs = 0;
  return {
    add(lag) {
      lags.push(lag);
      longestMs = Math.max(longestMs, lag.lagMs);
    },
    between: (fromMs, toMs) =>
      lags
        .filter(({ atMs, lagMs }) => atMs >= fromMs && atMs - lagMs <= toMs)
        .reduce((sum, { lagMs }) => sum + lagMs, 0),
    get longestMs() {
      return longestMs;
    },
  };
}

/** Tells of each time that this process was late by more than a probe. @returns what ends it. */
export function watchLag(onLag: (lag: Lag) => void): () => void {
  let expectedMs = Date.now() + LAG_PROBE_MS;
  const timer = setInterval(() => {
    const atMs = Date.now();
    const lagMs = atMs - expectedMs;
    expectedMs = atMs + LAG_PROBE_MS;
    if (lagMs > LAG_PROBE_MS) onLag({ atMs, lagMs });
  }, LAG_PROBE_MS);
  timer.unref();
  return () => clearInterval(timer);
}
