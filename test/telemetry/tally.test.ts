import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createCounterTally, createHistogramTally } from '../../src/telemetry/tally.ts';

const BUCKETS = [0.001, 0.01, 0.1];
const labels = fc.tuple(
  fc.constantFrom('CheckTask', 'GrantRole'),
  fc.constantFrom('grpc', 'http'),
  fc.integer({ min: 0, max: 16 }),
);
const value = fc.oneof(fc.constantFrom(0, 0.001, 0.01, 0.1), fc.double({ min: 0, max: 1, noNaN: true }));

test('a histogram shows what prom-client shows of the same values', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(labels, value)), async (observed) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const named = { name: 'seconds', help: 'help', labelNames: ['method', 'transport', 'code'] as const };
      const tally = createHistogramTally<[string, string, number]>({ ...named, buckets: BUCKETS, registry: ours });
      const histogram = new Histogram({ ...named, buckets: BUCKETS, registers: [theirs] });
      for (const [[method, transport, code], seconds] of observed) {
        tally.observe([method, transport, code], seconds);
        histogram.observe({ method, transport, code }, seconds);
      }
      expect(sorted(await ours.metrics())).toEqual(sorted(await theirs.metrics()));
    }),
    { numRuns: 50 },
  );
});

test('a counter shows what prom-client shows of the same counts, each time that it is read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(labels, fc.integer({ min: 0, max: 5 }))), async (counted) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const named = { name: 'calls_total', help: 'help', labelNames: ['method', 'transport', 'code'] as const };
      const tally = createCounterTally<[string, string, number]>({ ...named, registry: ours });
      const counter = new Counter({ ...named, registers: [theirs] });
      for (const [[method, transport, code], by] of counted) {
        tally.inc([method, transport, code], by);
        counter.inc({ method, transport, code }, by);
      }
      await ours.metrics();
      expect(sorted(await ours.metrics())).toEqual(sorted(await theirs.metrics()));
    }),
    { numRuns: 50 },
  );
});

function sorted(text: string): readonly string[] {
  return text.split('\n').toSorted();
}

test('both are shown as JSON too', async () => {
  const registry = new Registry();
  const named = { help: 'help', labelNames: ['method'] as const, registry };
  createHistogramTally<[string]>({ ...named, name: 'seconds', buckets: [1] }).observe(['CheckTask'], 2);
  createCounterTally<[string]>({ ...named, name: 'calls_total' }).inc(['CheckTask'], 2);
  expect(await registry.getMetricsAsJSON()).toMatchObject([
    {
      name: 'seconds',
      values: [
        { metricName: 'seconds_bucket', labels: { le: 1, method: 'CheckTask' }, value: 0 },
        { metricName: 'seconds_bucket', labels: { le: '+Inf', method: 'CheckTask' }, value: 1 },
        { metricName: 'seconds_sum', labels: { method: 'CheckTask' }, value: 2 },
        { metricName: 'seconds_count', labels: { method: 'CheckTask' }, value: 1 },
      ],
    },
    { name: 'calls_total', values: [{ labels: { method: 'CheckTask' }, value: 2 }] },
  ]);
});
