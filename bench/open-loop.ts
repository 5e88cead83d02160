// An open-loop load: calls arrive at a rate, as a Poisson process, whether or not earlier ones have been answered, so
// that a slow answer delays no arrival and hides no other slow answer ("coordinated omission"). h2load's own `--rps`
// sends what is due in bursts, every 10 ms, and its time statistics have no percentiles: the size of the burst would be
// what they show. A latency counts from when the call is really sent; how late that was is reported apart.
import { readFileSync } from 'node:fs';
import { createUniform } from '../test/support/random.ts';
import type { OpenLoopOptions, OpenLoopResult } from './support/open-loop.ts';
import type { RepeatedCall } from './support/repeated-call.ts';
import { openRepeatedCall } from './support/repeated-call.ts';

const DRAIN_TIMEOUT_MS = 5_000;

const options = JSON.parse(process.argv[2] ?? '') as OpenLoopOptions;
const { target, path, bodyFile, perSecond, warmUpMs, durationMs, connections, sleeps } = options;
const latenciesMs: number[] = [];
const latenessesMs: number[] = [];
let failed = 0;
let measuredFromMs = Infinity;
const onEnd = (sentAtMs: number, isAnswered: boolean): void => {
  if (!isAnswered) failed += 1;
  if (sentAtMs >= measuredFromMs) latenciesMs.push(isAnswered ? performance.now() - sentAtMs : Infinity);
};
const body = readFileSync(bodyFile);
const calls = await Promise.all(
  Array.from({ length: connections }, async () => openRepeatedCall({ target, path, body, onEnd })),
);

const random = createUniform(options.seed);
const startMs = performance.now();
measuredFromMs = startMs + warmUpMs;
const endMs = measuredFromMs + durationMs;
let dueAtMs = startMs;
let turn = 0;
// Looks at the clock in every turn of the event loop: a timer is a millisecond late, many times what is measured. One that
// `sleeps` has timers, for what else runs on its core.
await new Promise<void>((resolve) => {
  const sendDue = (): void => {
    const nowMs = performance.now();
    for (; dueAtMs <= nowMs; dueAtMs += (-Math.log(1 - random()) * 1_000) / perSecond) {
      if (dueAtMs >= measuredFromMs) latenessesMs.push(nowMs - dueAtMs);
      calls[turn++ % calls.length]?.send(nowMs);
    }
    if (nowMs >= endMs) resolve();
    else if (sleeps) setTimeout(sendDue, dueAtMs - nowMs);
    else setImmediate(sendDue);
  };
  sendDue();
});
const underWay = (): number => calls.reduce((sum, call: RepeatedCall) => sum + call.underWay, 0);
const drainedBy = performance.now() + DRAIN_TIMEOUT_MS;
while (underWay() > 0 && performance.now() < drainedBy) await new Promise((resolve) => setTimeout(resolve, 5));
const result: OpenLoopResult = {
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  measured: latenciesMs.length,
  failed: failed + underWay(),
  latenessP99Ms: percentile(latenessesMs, 0.99),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);

function percentile(values: number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
}
