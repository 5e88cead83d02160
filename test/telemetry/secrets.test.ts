import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { startOtlpCollector } from '../support/otlp-collector.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { listening, spawnTaskgate } from '../support/taskgate-process.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';

const CANARY = 'c4n4ry';
const TEST_TIMEOUT_MS = 60_000;
const secretOf = (what: string): string => `${CANARY}-${what}-${'x'.repeat(32)}`;
const TOKEN = secretOf('token');
const JWT = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(`{"sub":"${CANARY}"}`).toString('base64url')}.${CANARY}`;

/** Whatever a secret can look like once it is in a text. */
const TRACES = new RegExp([CANARY, Buffer.from(CANARY).toString('base64').slice(0, 6), JWT.split('.')[1]].join('|'));

test.each(['json', 'pretty'])(
  'no secret is in the log at any level, the banner, the metrics, the decision log or what is sent over OTLP (%s)',
  async (format) => {
    const stores = await startSampleStores();
    onTestFinished(async () => stores[Symbol.asyncDispose]());
    const proxy = await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint));
    onTestFinished(async () => proxy[Symbol.asyncDispose]());
    const collector = await startOtlpCollector();
    onTestFinished(async () => collector[Symbol.asyncDispose]());
    const directory = await mkdtemp(join(tmpdir(), 'taskgate-secrets-'));
    onTestFinished(async () => rm(directory, { recursive: true, force: true }));
    const log = join(directory, 'decisions.log');
    const tokens = join(directory, 'tokens.yaml');
    await writeFile(
      tokens,
      `- { name: api, sha256: ${createHash('sha256').update(TOKEN).digest('hex')}, permissions: [check] }\n`,
    );
    const config = join(directory, 'taskgate.yaml');
    await writeFile(
      config,
      [
        'spicedb: { watch_silence_ms: 0 }',
        `authentication: { tokens_file: "${tokens}" }`,
        `log: { level: trace, format: ${format} }`,
        `lists: { cursor_secrets: ["${secretOf('cursor')}"] }`,
        'telemetry:',
        `  otlp: { endpoint: "http://otlp:${secretOf('otlp')}@${new URL(collector.endpoint).host}", headers: { x-api-key: "${secretOf('header')}" } }`,
        '  metrics: { otlp: true }',
        '  traces: { enabled: true, sample_ratio: 1 }',
        `  decision_log: { sink: file, path: "${log}", hash_key: "${secretOf('hash')}", mask: [{ field: principal.id, how: hash }] }`,
      ].join('\n'),
    );
    const env = {
      TASKGATE_CONFIG: config,
      TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
      TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
      TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
      TASKGATE_SPICEDB_ENDPOINT: proxy.address,
      TASKGATE_SPICEDB_TOKEN: secretOf('spicedb'),
      TASKGATE_DATABASE_URL: stores.databaseUrl,
      // Nobody is there: the driver has something to say.
      TASKGATE_REDIS_URL: `redis://user:${secretOf('redis')}@127.0.0.1:1/0`,
      TASKGATE_REDIS_SIGNING_SECRET: secretOf('signing'),
    };
    const run = spawnTaskgate(['serve'], env);
    onTestFinished(async () => run[Symbol.asyncDispose]());
    const addresses = format === 'json' ? await listening(run) : await addressesOf(run);
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${TOKEN}`);
    metadata.set('x-api-key', secretOf('key'));
    metadata.set('tracestate', `canary=${secretOf('state')}`);
    const client = createGrpcClient('gRPC', addresses.grpc, {}, { metadata });
    for (const id of ['msg-1', 'msg-absent']) {
      await client.call(AuthorizationService.method.checkTask, ask('alice', 'message', id), { timeoutMs: 5_000 });
    }
    metadata.set('authorization', `Bearer ${JWT}`);
    const refused = await client.call(AuthorizationService.method.checkTask, ask('alice', 'message', 'msg-1'));
    expect(refused).toMatchObject({ kind: 'error', code: 'UNAUTHENTICATED' });
    await client[Symbol.asyncDispose]();
    await exchangeHttp1(
      `http://${addresses.http}/taskgate.v1.AuthorizationService/CheckTask?token=${secretOf('query')}`,
      {
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`u:${CANARY}`).toString('base64')}`,
        },
        body: '{"principal":',
      },
    );
    const metrics = await exchangeHttp1(`http://${addresses.admin}/metrics`, { method: 'GET' });
    run.child.kill('SIGTERM');
    expect(await run.exited).toBe(0);

    const texts = {
      stdout: run.stdout(),
      stderr: run.stderr(),
      metrics: metrics.body,
      decisions: await readFile(log, 'utf8'),
      otlp: JSON.stringify(collector.requests.map(({ body }) => body)),
    };
    expect(texts.stdout).toContain('listening');
    expect(texts.decisions).toContain('"decision":"ALLOWED"');
    expect(texts.otlp).toContain('CheckTask');
    if (format === 'pretty') expect(texts.stdout).toMatch(/Redis +redis:\/\/user:\*\*\*@127\.0\.0\.1:1\/0/);
    // The collector is told, and nobody else; a trace's state is for whoever comes next in the trace.
    for (const [where, text] of Object.entries(texts)) expect(TRACES.exec(text)?.[0], where).toBeUndefined();
  },
  TEST_TIMEOUT_MS,
);

async function addressesOf(run: ReturnType<typeof spawnTaskgate>): Promise<Awaited<ReturnType<typeof listening>>> {
  return waitUntil(
    () => {
      const at = (name: string): string | undefined => new RegExp(`^  ${name} +(\\S+)`, 'm').exec(run.stdout())?.[1];
      const [grpc, http, admin] = [at('gRPC'), at('HTTP'), at('admin')];
      return grpc === undefined || http === undefined || admin === undefined ? undefined : { grpc, http, admin };
    },
    { what: 'the banner', timeoutMs: 20_000 },
  );
}
