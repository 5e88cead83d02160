import type { LatencySeries } from '../authorize/ports-explain.ts';
import type { Metrics } from './metrics.ts';
import { LATENCY_BUCKETS } from './metrics.ts';

const SECOND_MS = 1_000;
const UPPER_BOUNDS_MS = LATENCY_BUCKETS.map((bound) => bound * SECOND_MS);

/** The histogram of calls by method and transport, whatever their status, without what operators call. */
export function readLatencySeries(
  { calls }: Pick<Metrics, 'calls'>,
  { leaveOut }: { readonly leaveOut: ReadonlySet<string> },
): readonly LatencySeries[] {
  const byCall = new Map<string, LatencySeries & { readonly counts: number[] }>();
  for (const { labels, counts } of calls.read()) {
    const method = String(labels['method']);
    const transport = String(labels['transport']);
    if (leaveOut.has(method)) continue;
    const key = `${transport} ${method}`;
    const known = byCall.get(key);
    if (known === undefined)
      byCall.set(key, { method, transport, upperBoundsMs: UPPER_BOUNDS_MS, counts: [...counts] });
    else for (const [index, count] of counts.entries()) known.counts[index] = (known.counts[index] ?? 0) + count;
  }
  return [...byCall.values()];
}
