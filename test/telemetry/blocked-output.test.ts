import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, expect, onTestFinished, test } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import { freePort } from '../support/free-port.ts';
import { readMetric } from '../support/metrics.ts';
import { readyStatus } from '../support/served-taskgate.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const CALLS = 3_000;
const TEST_TIMEOUT_MS = 60_000;

test(
  'an output that nobody reads slows no call: decisions are dropped and counted, and it exits in time',
  async () => {
    const stores = await startSampleStores();
    onTestFinished(async () => stores[Symbol.asyncDispose]());
    const proxy = await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint));
    onTestFinished(async () => proxy[Symbol.asyncDispose]());
    const directory = await mkdtemp(join(tmpdir(), 'taskgate-blocked-'));
    onTestFinished(async () => rm(directory, { recursive: true, force: true }));
    const fifo = join(directory, 'output');
    await once(spawn('mkfifo', [fifo]), 'close');
    const config = join(directory, 'taskgate.yaml');
    await writeFile(
      config,
      'spicedb: { watch_silence_ms: 0 }\nshutdown: { drain_delay_ms: 0 }\ntelemetry: { decision_log: { sink: stdout, buffer_bytes: 65536 } }\n',
    );
    const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()].map(
      (port) => `127.0.0.1:${port}`,
    );
    if (grpc === undefined || http === undefined || admin === undefined) throw new Error('no ports');
    // Both ends, so that opening does not wait. Nobody reads.
    const output = await open(fifo, 'r+');
    onTestFinished(async () => output.close());
    const child = spawn(process.execPath, [MAIN, 'serve'], {
      stdio: ['ignore', output.fd, 'inherit'],
      env: {
        PATH: process.env['PATH'],
        TASKGATE_CONFIG: config,
        TASKGATE_GRPC_ADDRESS: grpc,
        TASKGATE_HTTP_ADDRESS: http,
        TASKGATE_ADMIN_ADDRESS: admin,
        TASKGATE_SPICEDB_ENDPOINT: proxy.address,
        TASKGATE_SPICEDB_TOKEN: 'unused',
        TASKGATE_DATABASE_URL: stores.databaseUrl,
        TASKGATE_REDIS_URL: inject('redisUrl'),
        TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the tests, which is long enough',
      },
    });
    const exited = once(child, 'close');
    onTestFinished(() => void child.kill('SIGKILL'));
    await waitUntil(async () => ((await readyStatus(admin)) === 200 ? true : undefined), {
      what: 'ready',
      timeoutMs: 20_000,
    });

    const client = createGrpcClient('gRPC', grpc);
    const check = async () =>
      client.call(AuthorizationService.method.checkTask, ask('alice', 'message', 'msg-1'), { timeoutMs: 5_000 });
    for (let index = 0; index < CALLS / 50; index += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, check));
      expect(answers.map(({ kind }) => kind)).not.toContain('error');
    }
    await client[Symbol.asyncDispose]();
    const dropped = await readMetric(admin, 'taskgate_decision_log_dropped_total{reason="full"}');
    const written = await readMetric(admin, 'taskgate_decision_log_lines_total');
    const buffered = await readMetric(admin, 'taskgate_decision_log_buffered_bytes');
    expect(dropped).toBeGreaterThan(CALLS / 2);
    expect(dropped + written).toBeLessThan(CALLS);
    expect(buffered).toBeLessThan(65_536 + 1_000);

    const startedAtMs = performance.now();
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  },
  TEST_TIMEOUT_MS,
);
