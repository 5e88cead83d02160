/** A time from `fromMs`, inclusive, to `toMs`, exclusive. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is in either; sorted, none touching another. */
export function union(intervals: readonly Interval[]): readonly Interval[] {
  const merged: Interval[] = [];
  for (const interval of intervals.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (interval.toMs <= interval.fromMs) continue;
    const last = merged.at(-1);
    if (last === undefined || interval.fromMs > last.toMs) merged.push(interval);
    else merged[merged.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, interval.toMs) };
  }
  return merged;
}

/** What is in both. */
export function intersection(some: readonly Interval[], others: readonly Interval[]): readonly Interval[] {
  return union(
    some.flatMap((a) => others.map((b) => ({ fromMs: Math.max(a.fromMs, b.fromMs), toMs: Math.min(a.toMs, b.toMs) }))),
  );
}

/** True if any moment of the window, ends included, is in one of them. */
export function meets(intervals: readonly Interval[], { fromMs, toMs }: Interval): boolean {
  return intervals.some((interval) => interval.fromMs <= toMs && interval.toMs > fromMs);
}

/** True if every moment of the window, ends included, is in one of them. They must be a union. */
export function covers(intervals: readonly Interval[], { fromMs, toMs }: Interval): boolean {
  return intervals.some((interval) => interval.fromMs <= fromMs && interval.toMs > toMs);
}
