import { Metadata } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { v1 } from '@authzed/authzed-node';
import type { Span } from '../../src/authorize/ports-tracing.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createOtlpClient } from '../../src/telemetry/otlp-client.ts';
import { openTracing } from '../../src/telemetry/tracing.ts';
import { startFakeSpiceDb } from '../relationships/fake-spicedb.ts';
import { ask, user } from '../support/check-requests.ts';
import type { OtlpCollector } from '../support/otlp-collector.ts';
import { spansOf, startOtlpCollector } from '../support/otlp-collector.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { startTestTaskgate } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';
import { waitUntil } from '../support/wait-until.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const UNSAMPLED = `00-${TRACE}-${SPAN}-00`;
const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];

async function useCollector(): Promise<OtlpCollector> {
  const collector = await startOtlpCollector();
  onTestFinished(async () => collector[Symbol.asyncDispose]());
  return collector;
}

test('shows a call over each listener in the trace of its caller, with its layers, and nothing of who asked what', async () => {
  const collector = await useCollector();
  const yaml = `telemetry: { otlp: { endpoint: "${collector.endpoint}", headers: { authorization: "Bearer canary" } }, traces: { enabled: true, sample_ratio: 0 } }`;
  const gate = await startTestTaskgate({ yaml });
  const metadata = new Metadata();
  metadata.set('traceparent', SAMPLED);
  metadata.set('tracestate', 'vendor=1');
  const client = createGrpcClient('gRPC', gate.addresses.grpc, {}, { metadata });
  const answer = await client.call(AuthorizationService.method.checkTask, ask('alice', 'message', 'msg-1'));
  await client[Symbol.asyncDispose]();
  const body = JSON.stringify({
    principal: { userId: 'alice', accountId: 'acme' },
    resource: { type: 'message', id: 'msg-1' },
    operation: 'OPERATION_READ',
  });
  const post = async (traceparent?: string) =>
    exchangeHttp1(`http://${gate.addresses.http}/taskgate.v1.AuthorizationService/CheckTask`, {
      headers: { 'content-type': 'application/json', ...(traceparent === undefined ? {} : { traceparent }) },
      body,
    });
  const sampled = await post(SAMPLED);
  for (const traceparent of [UNSAMPLED, undefined, `${SAMPLED}, ${SAMPLED}`])
    expect((await post(traceparent)).status).toBe(200);
  expect(Object.keys(sampled.headers).filter((name) => name.startsWith('trace'))).toEqual([]);
  await gate.close();
  await gate[Symbol.asyncDispose]();

  const spans = spansOf(collector);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  const servers = spans.filter(({ kind }) => kind === SERVER);
  expect(servers.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
    ['CheckTask', SPAN],
    ['CheckTask', SPAN],
  ]);
  const [first] = servers;
  expect(first?.attributes).toContainEqual({
    key: 'taskgate.decision_id',
    value: { stringValue: answer.decisionId },
  });
  // Of the first, which nothing was known for.
  const byName = new Map(spans.map((span) => [span.name, span]));
  const parentOf = (name: string) => spans.find(({ spanId }) => spanId === byName.get(name)?.parentSpanId)?.name;
  expect(
    ['parents', 'parents.redis', 'parents.database', 'relationships', 'relationships.batch'].map((name) =>
      parentOf(name),
    ),
  ).toEqual(['CheckTask', 'parents', 'parents.redis', 'CheckTask', 'relationships']);
  const engine = spans.find(({ kind }) => kind === CLIENT);
  expect(engine?.name).toMatch(/^authzed\.api\.v1\.PermissionsService\//);
  expect(engine?.parentSpanId).toBe(byName.get('relationships.batch')?.spanId);
  for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  }
  const text = JSON.stringify(collector.requests.map((request) => request.body));
  for (const secret of ['alice', 'acme', 'msg-1', 'task-1', 'canary']) expect(text).not.toContain(secret);
  expect(collector.requests[0]?.headers.authorization).toBe('Bearer canary');
});

test('shows the lookup behind a list, with how many it found, and not which', async () => {
  const collector = await useCollector();
  const yaml = `telemetry: { otlp: { endpoint: "${collector.endpoint}" }, traces: { enabled: true, sample_ratio: 1 } }`;
  const gate = await startTestTaskgate({ yaml });
  const client = createGrpcClient('gRPC', gate.addresses.grpc);
  const { listReadableTasks } = AuthorizationService.method;
  const kinds: (string | undefined)[] = [];
  for await (const { event } of client.stream(listReadableTasks, { principal: user('alice') })) kinds.push(event.case);
  expect(kinds).toEqual(['page', 'complete']);
  await client[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
  const spans = spansOf(collector);
  const lookup = spans.find(({ name }) => name.endsWith('/LookupResources'));
  expect(lookup).toMatchObject({ kind: CLIENT, status: { code: 0 } });
  expect(lookup?.attributes).toContainEqual({ key: 'taskgate.items', value: { intValue: '1' } });
  expect(spans.find(({ spanId }) => spanId === lookup?.parentSpanId)?.name).toBe('ListReadableTasks');
  // Watch belongs to no call.
  expect(spans.filter(({ name }) => name.includes('Watch'))).toEqual([]);
  expect(JSON.stringify(spans)).not.toMatch(/alice|acme|task-1/);
});

test('tells SpiceDB of the trace of one call, and of a trace of its own for a batch of several', async () => {
  const collector = await useCollector();
  const client = createOtlpClient({ endpoint: collector.endpoint, headers: {}, timeoutMs: 5_000, serviceName: 'test' });
  const tracer = await openTracing({ client, metrics: createMetrics() }, { sampleRatio: 1, followParent: true });
  const checkedAt = { token: 'token-1' };
  const held = v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION;
  const spicedb = await startFakeSpiceDb({
    bulk: ({ items }) =>
      v1.CheckBulkPermissionsResponse.create({
        checkedAt,
        pairs: items.map((request) => ({
          request,
          response: { oneofKind: 'item' as const, item: { permissionship: held } },
        })),
      }),
  });
  onTestFinished(async () => spicedb[Symbol.asyncDispose]());
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: spicedb.options });
  onTestFinished(() => chain.close());
  const check = async (id: string, span: Span | undefined) =>
    chain.relationships.check(
      [
        {
          object: { kind: 'resource', type: 'task', id },
          permission: 'read',
          principal: { kind: 'user', id: 'alice', account: 'acme' },
        },
      ],
      MINIMIZE_LATENCY,
      { ...callContext(), span },
    );
  const start = (name: string, traceparent?: string): Span => {
    const span = tracer.startCall(name, { header: (header) => (header === 'traceparent' ? traceparent : undefined) });
    if (span === undefined) throw new Error('not traced');
    return span;
  };

  const alone = start('alone', SAMPLED);
  await check('task-1', alone);
  const together = [start('first'), start('second')];
  await Promise.all([...together, undefined].map(async (span, index) => check(`task-${index + 2}`, span)));
  await check('task-9', undefined);
  for (const span of [alone, ...together]) span.end();
  await tracer.close(1_000);

  const [ofOne = '', ofSeveral = '', ofNone] = spicedb.traceparents;
  expect(spicedb.traceparents).toHaveLength(3);
  expect(ofOne.slice(3, 35)).toBe(TRACE);
  expect(ofNone).toBe('');
  const batchTrace = ofSeveral.slice(3, 35);
  expect(together.map(({ traceId }) => traceId)).not.toContain(batchTrace);
  const batch = spansOf(collector).find(
    ({ traceId, name }) => traceId === batchTrace && name === 'relationships.batch',
  );
  expect(batch?.kind).toBe(INTERNAL);
  expect(batch?.parentSpanId).toBeUndefined();
  expect(new Set(batch?.links.map(({ traceId }) => traceId))).toEqual(new Set(together.map(({ traceId }) => traceId)));
  const waiting = spansOf(collector).filter(({ links }) => links.some(({ spanId }) => spanId === batch?.spanId));
  expect(new Set(waiting.map(({ traceId }) => traceId))).toEqual(new Set(together.map(({ traceId }) => traceId)));
});

test.each([
  [
    'the share alone, where callers are not followed',
    { sampleRatio: 0.5, followParent: false },
    SAMPLED,
    [true, false],
  ],
  ['what the caller does, where it says so', { sampleRatio: 0, followParent: true }, SAMPLED, [true, true]],
  ['what the caller does not', { sampleRatio: 1, followParent: true }, UNSAMPLED, [false, false]],
  ['the share, of those that say nothing', { sampleRatio: 0.5, followParent: true }, undefined, [true, false]],
])('traces by %s', async (_, options, traceparent, expected) => {
  const collector = await useCollector();
  const client = createOtlpClient({ endpoint: collector.endpoint, headers: {}, timeoutMs: 5_000, serviceName: 'test' });
  const randoms = [0.49, 0.5];
  const tracer = await openTracing({ client, metrics: createMetrics(), random: () => randoms.shift() ?? 1 }, options);
  const traced = expected.map(() => tracer.startCall('call', { header: () => traceparent }) !== undefined);
  expect(traced).toEqual(expected);
  await tracer.close(100);
});

test('a collector that hangs costs no call anything, and no more than its time at exit', async () => {
  const collector = await startOtlpCollector({ hangs: true });
  onTestFinished(async () => collector[Symbol.asyncDispose]());
  const yaml = `telemetry: { otlp: { endpoint: "${collector.endpoint}" }, metrics: { otlp: true }, traces: { enabled: true, sample_ratio: 1 }, decision_log: { sink: otlp } }`;
  const gate = await startTestTaskgate({ yaml });
  const client = createGrpcClient('gRPC', gate.addresses.grpc);
  for (let index = 0; index < 50; index += 1) {
    const answer = await client.call(AuthorizationService.method.checkTask, ask('alice', 'message', 'msg-1'), {
      timeoutMs: 2_000,
    });
    expect(answer.kind).toBe('message');
  }
  await client[Symbol.asyncDispose]();
  const startedAtMs = performance.now();
  await gate[Symbol.asyncDispose]();
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
});

test('sends metrics and decisions over OTLP', async () => {
  const collector = await useCollector();
  const yaml = `telemetry: { otlp: { endpoint: "${collector.endpoint}/base/" }, metrics: { otlp: true, interval_ms: 1000 }, decision_log: { sink: otlp } }`;
  const gate = await startTestTaskgate({ yaml });
  const client = createGrpcClient('gRPC', gate.addresses.grpc);
  await client.call(AuthorizationService.method.checkTask, ask('alice', 'message', 'msg-1'));
  await client[Symbol.asyncDispose]();
  const sent = (path: string) =>
    collector.requests.filter((request) => request.path === path).map(({ body }) => JSON.stringify(body));
  await waitUntil(() => (sent('/base/v1/logs').length > 0 ? true : undefined), {
    what: 'a decision',
    timeoutMs: 5_000,
  });
  await gate[Symbol.asyncDispose]();
  expect(sent('/base/v1/logs').join('')).toContain('"taskgate.decision","value":{"stringValue":"ALLOWED"}');
  const metrics = sent('/base/v1/metrics').at(-1) ?? '';
  expect(metrics).toContain('"name":"taskgate_decisions_total"');
  expect(metrics).toMatch(/"name":"taskgate_rpc_duration_seconds".*"bucketCounts":\["\d+"/);
});
