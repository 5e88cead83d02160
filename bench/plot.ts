import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CERBOS_PATH, startCerbos } from './support/cerbos-server.ts';
import {
  assertWarmCheckAllowed,
  CHECK_TASK_PATH,
  createBodyFile,
  createWarmBodyFile,
} from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import type { LatencyPoint, LatencySeries } from './support/latency-svg.ts';
import { renderLatencySvg } from './support/latency-svg.ts';
import { runOpenLoop } from './support/open-loop.ts';
import { startPinned } from './support/processes.ts';
import type { BenchOptions, BenchRow } from './support/row.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

/** Of what each server itself can take. */
const SHARES = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9];
const REQUESTS = 20_000;
const DURATION_MS = 2_000;
const KEPT = new URL('latency.svg', import.meta.url);
const PASSING = new URL('../.cache/bench/latency.svg', import.meta.url);

interface Served {
  readonly name: string;
  readonly color: string;
  readonly target: string;
  readonly path: string;
  readonly bodyFile: string;
}

/** Draws latency against load, ours beside the references. It has no rows: what is promised stands in those of others. */
export async function plotLatency(stores: BenchStores, { keepsResults }: BenchOptions): Promise<readonly BenchRow[]> {
  await using opened = new AsyncDisposableStack();
  const body = opened.use(await createWarmBodyFile());
  const reference = opened.use(
    await startPinned<{ grpc: string }>(fileURLToPath(new URL('empty-handler.ts', import.meta.url))),
  );
  const taskgate = opened.use(await startTaskgate(stores));
  await assertWarmCheckAllowed(taskgate.ready.grpc);
  const check = { path: CHECK_TASK_PATH, bodyFile: body.path };
  const served: Served[] = [
    { ...check, name: 'empty handler', color: '#888888', target: reference.ready.grpc },
    { ...check, name: 'taskgate, warm', color: '#0b6e4f', target: taskgate.ready.grpc },
  ];
  try {
    const cerbos = opened.use(await startCerbos());
    const { path: bodyFile } = opened.use(await createBodyFile(cerbos.body));
    served.push({ name: 'Cerbos PDP', color: '#c2410c', target: cerbos.grpc, path: CERBOS_PATH, bodyFile });
  } catch (error) {
    process.stderr.write(`  latency: without Cerbos: ${String(error).split('\n')[0]}\n`);
  }
  const series: LatencySeries[] = [];
  for (const one of served) series.push({ ...one, points: await measurePoints(one) });
  const file = fileURLToPath(keepsResults ? KEPT : PASSING);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, renderLatencySvg('Warm CheckTask on one core: latency against load', series));
  process.stderr.write(`  latency: drawn in ${file}\n`);
  return [];
}

async function measurePoints(served: Served): Promise<readonly LatencyPoint[]> {
  await h2load({ ...served, requests: REQUESTS });
  const maximum = await h2load({ ...served, requests: REQUESTS });
  const points: LatencyPoint[] = [];
  for (const share of SHARES) {
    const perSecond = Math.round(maximum * share);
    const { p50Ms, p99Ms } = await runOpenLoop({ ...served, perSecond, durationMs: DURATION_MS });
    points.push({ perSecond, p50Ms, p99Ms });
    process.stderr.write(
      `  ${served.name} at ${perSecond} calls/s: p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)} ms\n`,
    );
  }
  return points;
}
