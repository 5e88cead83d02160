import type { LatencySeries } from '../authorize/ports-explain.ts';
import type { Metrics } from './metrics.ts';

const SECOND_MS = 1_000;
const BUCKET = 'taskgate_rpc_duration_seconds_bucket';

/** The histogram of calls by method and transport, whatever their status, without what operators call. */
export async function readLatencySeries(
  { calls }: Pick<Metrics, 'calls'>,
  { leaveOut }: { readonly leaveOut: ReadonlySet<string> },
): Promise<readonly LatencySeries[]> {
  const { values } = await calls.get();
  const byCall = new Map<string, { method: string; transport: string; cumulative: Map<number, number> }>();
  for (const { labels, metricName, value } of values) {
    const { method = '', transport = '', le }: Readonly<Record<string, string | number | undefined>> = labels;
    if (metricName !== BUCKET || leaveOut.has(String(method))) continue;
    const key = `${transport} ${method}`;
    const call = byCall.get(key) ?? { method: String(method), transport: String(transport), cumulative: new Map() };
    byCall.set(key, call);
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    call.cumulative.set(bound, (call.cumulative.get(bound) ?? 0) + value);
  }
  return [...byCall.values()].map(({ method, transport, cumulative }) => {
    const bounds = [...cumulative.keys()].toSorted((a, b) => a - b);
    const counts = bounds.map((bound, index) => {
      const below = bounds[index - 1];
      return (cumulative.get(bound) ?? 0) - (below === undefined ? 0 : (cumulative.get(below) ?? 0));
    });
    return {
      method,
      transport,
      upperBoundsMs: bounds.filter(Number.isFinite).map((bound) => bound * SECOND_MS),
      counts,
    };
  });
}
