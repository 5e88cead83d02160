/** Of requests that were ended, until what they held is collected. */
const COLLECTED_BYTES = 2 * 1024 * 1024;
/** Milliseconds between two collections: one that comes while V8 marks what is old makes it do all of that at once. */
const COLLECT_INTERVAL_MS = 100;
/** What a request may hold without being counted: nearly every one is below. */
export const UNCOUNTED_BYTES = 4 * 1024;
/**
 * What is read of large requests in a millisecond, all of them together: each read is work, and memory to collect. It is
 * twenty of the largest lists a second.
 */
const READ_BYTES_PER_MS = 8 * 1024;
/** What is read at once after nothing large was for a while: the largest list, which then does not wait. */
const BURST_BYTES = 1024 * 1024;
const BURST_MS = BURST_BYTES / READ_BYTES_PER_MS;
/** The least, however much they hold. */
const MIN_READ_BYTES_PER_MS = 4 * 1024;
/** Shorter waits are not worth a timer. */
const MIN_WAIT_MS = 1;
/** One byte that is unpacked is as much work, and memory, as so many that are read. */
export const UNPACKED_WEIGHT = 8;

/** Bytes of a request that is held in memory. */
export interface Holding {
  /** Counts more bytes. It may end the request that holds the most, this one included. */
  add(bytes: number): void;
  /** Gives all of them back; nothing is counted from then on. */
  release(): void;
}

/** What all requests of a listener may hold in memory together. */
export interface ReceiveBudget {
  /** @param end Called at most once, if this request holds the most when there is too much: it has to let go. */
  hold(end: () => void): Holding;
  /**
   * Paces the reading of large requests, so that whoever sends as much as it can leaves time for everybody else.
   *
   * @returns Milliseconds after which more of the request whose bytes these are may be read; 0: at once.
   */
  pace(bytes: number): number;
}

interface Entry {
  bytes: number;
  readonly end: () => void;
}

/**
 * Bounds the bytes of requests, whole or not. Where it would be exceeded, the request that holds the most ends, and of
 * several the last: whoever fills it keeps no smaller request out, and is not helped by coming again.
 */
export function createReceiveBudget(
  {
    collect,
    stopwatchMs = () => performance.now(),
  }: {
    readonly collect: () => void;
    /** Milliseconds of a clock that never goes back, with fractions. Default `performance.now`. */
    readonly stopwatchMs?: () => number;
  },
  { maxBytes }: { readonly maxBytes: number },
): ReceiveBudget {
  const holding = new Set<Entry>();
  let total = 0;
  let endedBytes = 0;
  let collectedAtMs = Number.NEGATIVE_INFINITY;
  /** When all that was read is paid for. */
  let paidAtMs = Number.NEGATIVE_INFINITY;
  const release = (entry: Entry): void => {
    if (holding.delete(entry)) total -= entry.bytes;
  };
  const endLargest = (): void => {
    let largest: Entry | undefined;
    for (const entry of holding) if (largest === undefined || entry.bytes >= largest.bytes) largest = entry;
    if (largest === undefined) return;
    release(largest);
    largest.end();
    endedBytes += largest.bytes;
    const nowMs = stopwatchMs();
    if (endedBytes < COLLECTED_BYTES || nowMs < collectedAtMs + COLLECT_INTERVAL_MS) return;
    endedBytes = 0;
    collectedAtMs = nowMs;
    // When what has ended has let go.
    setImmediate(collect);
  };
  return {
    hold(end) {
      const entry: Entry = { bytes: 0, end };
      holding.add(entry);
      return {
        add(bytes) {
          if (!holding.has(entry)) return;
          entry.bytes += bytes;
          total += bytes;
          // Once is enough: the largest holds as much as was just added.
          if (total > maxBytes) endLargest();
        },
        release: () => release(entry),
      };
    },
    pace(bytes) {
      const nowMs = stopwatchMs();
      // An eighth of it where half of what may be held is, and so on: the budget is seldom full, and little is thrown away.
      const perMs = Math.max(MIN_READ_BYTES_PER_MS, READ_BYTES_PER_MS * (1 - total / maxBytes) ** 3);
      paidAtMs = Math.max(paidAtMs, nowMs - BURST_MS) + bytes / perMs;
      const waitMs = paidAtMs - nowMs;
      return waitMs < MIN_WAIT_MS ? 0 : waitMs;
    },
  };
}
