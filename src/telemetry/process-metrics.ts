import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Gauge } from 'prom-client';
import type { Metrics } from './metrics.ts';

const NANOSECONDS = 1e9;
/** Between two looks at the clock: rare enough that looking costs nothing. */
const RESOLUTION_MS = 20;
const QUANTILES = [50, 99, 100];

/** Shows how the process fares: how late its event loop is, how busy, and what its heap holds. */
export function showProcess({ registry }: Metrics): Disposable {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let lastUtilization = performance.eventLoopUtilization();
  const registers = [registry];
  const delays: Gauge<'quantile'> = new Gauge({
    name: 'taskgate_event_loop_delay_seconds',
    help: 'How late the event loop was since the metrics were last read, by quantile (1 is the longest)',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const percentile of QUANTILES) {
        const lateNs = delay.count === 0 ? 0 : Math.max(0, delay.percentile(percentile) - RESOLUTION_MS * 1e6);
        delays.set({ quantile: String(percentile / 100) }, lateNs / NANOSECONDS);
      }
      delay.reset();
    },
  });
  const utilization: Gauge = new Gauge({
    name: 'taskgate_event_loop_utilization',
    help: 'The share of time that the event loop was busy since the metrics were last read',
    registers,
    collect() {
      const now = performance.eventLoopUtilization();
      utilization.set(performance.eventLoopUtilization(now, lastUtilization).utilization);
      lastUtilization = now;
    },
  });
  const heap: Gauge<'kind'> = new Gauge({
    name: 'taskgate_heap_bytes',
    help: 'Bytes that the heap uses, that it may use, and that are held outside of it',
    labelNames: ['kind'],
    registers,
    collect() {
      const now = getHeapStatistics();
      heap.set({ kind: 'used' }, now.used_heap_size);
      heap.set({ kind: 'limit' }, now.heap_size_limit);
      heap.set({ kind: 'external' }, now.external_memory);
    },
  });
  return { [Symbol.dispose]: () => void delay.disable() };
}
