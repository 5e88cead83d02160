import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import type { Metrics } from './metrics.ts';
import type { OtlpClient } from './otlp-client.ts';
import { toOtlpAttributes, toUnixNano } from './otlp-client.ts';

/** Since the process began. */
const CUMULATIVE = 2;

type Shown = MetricObjectWithValues<MetricValueWithName<string>>;

/** Sends the metrics every so often, the same ones as `/metrics` shows. One that is not taken is counted and not sent again. */
export function startOtlpMetrics(
  {
    client,
    metrics,
    nowMs = Date.now,
  }: { readonly client: OtlpClient; readonly metrics: Metrics; readonly nowMs?: () => number },
  { intervalMs }: { readonly intervalMs: number },
): { close(): Promise<void> } {
  const startedAt = toUnixNano(nowMs());
  let sending: Promise<void> | undefined;
  const send = async (): Promise<void> => {
    const shown: Shown[] = await metrics.registry.getMetricsAsJSON();
    const times = { startTimeUnixNano: startedAt, timeUnixNano: toUnixNano(nowMs()) };
    await client.send('metrics', {
      resourceMetrics: [
        {
          resource: client.resource,
          scopeMetrics: [{ scope: { name: 'taskgate' }, metrics: shown.map((metric) => toOtlpMetric(metric, times)) }],
        },
      ],
    });
  };
  const sendOnce = async (): Promise<void> => {
    sending ??= send()
      .then(
        () => metrics.exports.inc({ signal: 'metrics', outcome: 'ok' }),
        () => metrics.exports.inc({ signal: 'metrics', outcome: 'failed' }),
      )
      .finally(() => {
        sending = undefined;
      });
    return sending;
  };
  const timer = setInterval(() => void sendOnce(), intervalMs);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await sending;
      await sendOnce();
    },
  };
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

function toOtlpMetric({ name, help, type, values }: Shown, times: Times): object {
  const common = { name, description: help, ...(name.endsWith('_seconds') ? { unit: 's' } : {}) };
  // prom-client says types as words where its own types say numbers.
  const kind = String(type);
  if (kind === 'histogram') {
    return {
      ...common,
      histogram: { aggregationTemporality: CUMULATIVE, dataPoints: toHistogramPoints(name, values, times) },
    };
  }
  const dataPoints = values.map(({ labels, value }) => ({
    ...times,
    asDouble: value,
    attributes: toOtlpAttributes(labels),
  }));
  return kind === 'counter'
    ? { ...common, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } }
    : { ...common, gauge: { dataPoints } };
}

interface HistogramPoint {
  readonly labels: Readonly<Record<string, unknown>>;
  /** Up to and with each bound. */
  readonly cumulative: number[];
  readonly bounds: number[];
  sum: number;
  count: number;
}

/** Prometheus has a series for each bucket, which counts all below; OTLP has one point, in which each counts alone. */
function toHistogramPoints(name: string, values: Shown['values'], times: Times): readonly object[] {
  const points = new Map<string, HistogramPoint>();
  for (const { metricName, labels, value } of values) {
    const { le, ...own } = labels;
    const key = JSON.stringify(own);
    const point = points.get(key) ?? { labels: own, cumulative: [], bounds: [], sum: 0, count: 0 };
    points.set(key, point);
    if (metricName === `${name}_sum`) point.sum = value;
    else if (metricName === `${name}_count`) point.count = value;
    else {
      point.cumulative.push(value);
      if (le !== '+Inf') point.bounds.push(Number(le));
    }
  }
  return Array.from(points.values(), ({ labels, cumulative, bounds, sum, count }) => ({
    ...times,
    attributes: toOtlpAttributes(labels),
    count: String(count),
    sum,
    bucketCounts: cumulative.map((upTo, index) => String(upTo - (cumulative[index - 1] ?? 0))),
    explicitBounds: bounds,
  }));
}
