import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertWarmCheckAllowed, CHECK_TASK_PATH, createWarmBodyFile } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 11;
const REQUESTS = 120_000;
const MIN_RATIO = 0.95;

/** Warm checks with 1 % of them traced, and with each in the decision log, beside a taskgate that does neither. */
export async function measureTelemetry(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using body = await createWarmBodyFile();
  // Takes what it is sent, on another core.
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => {
    collector.listen(0, '127.0.0.1', resolve);
  });
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-bench-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => rm(directory, { recursive: true, force: true }));
  const { port } = collector.address() as AddressInfo;
  const otlp = `otlp: { endpoint: "http://127.0.0.1:${port}" }`;
  await using plain = await startTaskgate(stores);
  await using traced = await startTaskgate(stores, {
    config: `{telemetry: { ${otlp}, traces: { enabled: true, sample_ratio: 0.01 } }}`,
  });
  await using logged = await startTaskgate(stores, {
    config: `{telemetry: { decision_log: { sink: file, path: "${join(directory, 'decisions.log')}", max_files: 2 } }}`,
  });
  const call = { path: CHECK_TASK_PATH, bodyFile: body.path };
  const rate = async (target: string): Promise<number> => h2load({ ...call, target, requests: REQUESTS });
  const rows: BenchRow[] = [];
  for (const [name, gate, target] of [
    ['1 % traced', traced, { atLeast: MIN_RATIO }],
    ['each in the decision log', logged, { atLeast: 0 }],
  ] as const) {
    for (const each of [plain, gate]) {
      await assertWarmCheckAllowed(each.ready.grpc);
      await rate(each.ready.grpc);
    }
    const rates = await measureInTurn({
      name: `warm CheckTask, ${name}, calls/s`,
      rounds: ROUNDS,
      theirs: async () => rate(plain.ready.grpc),
      ours: async () => rate(gate.ready.grpc),
    });
    rows.push({
      work: `warm CheckTask, ${name}: ${spread(rates.ours, 0)} calls/s`,
      reference: `without: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, target),
      ...(name === '1 % traced' ? {} : { target: '–', isMet: 'skipped' as const }),
    });
  }
  collector.closeAllConnections();
  collector.close();
  return rows;
}
