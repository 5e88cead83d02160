import { describe, expect, it, vi } from 'vitest';
import { createAdminRoutes } from '../../src/http/admin.ts';
import { openHttpServer } from '../../src/http/http-server.ts';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { ask } from '../support/check-requests.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { useTaskgate } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';

const gate = useTaskgate();
const get = async (path: string, method = 'GET') =>
  exchangeHttp1(`http://${gate().addresses.admin}${path}`, { method });

describe('the admin listener', () => {
  it('is alive', async () => {
    const { status, headers, body } = await get('/livez');
    expect([status, headers['content-type'], JSON.parse(body)]).toEqual([200, 'application/json', { status: 'alive' }]);
  });

  it('is ready, and says how each dependency is', async () => {
    await vi.waitFor(
      async () => {
        const { status, body } = await get('/readyz');
        expect([status, JSON.parse(body)]).toEqual([
          200,
          { status: 'ready', dependencies: { database: 'ok', spicedb: 'ok', sentinels: 'ok', redis: 'ok' } },
        ]);
      },
      { timeout: 5_000, interval: 50 },
    );
  });

  it('counts decisions in Prometheus text, with no id in any label', async () => {
    const client = createGrpcClient('gRPC', gate().addresses.grpc);
    for (const [who, type, id] of [
      ['alice', 'message', 'msg-1'],
      ['dave', 'message', 'msg-1'],
      ['alice', 'spaceship-canary', 'msg-canary'],
    ] as const) {
      await client.call(AuthorizationService.method.checkTask, ask(who, type, id));
    }
    await client[Symbol.asyncDispose]();
    const { status, headers, body } = await get('/metrics');
    expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/plain; version=0\.0\.4/)]);
    expect(body).toContain(
      'taskgate_decisions_total{type="message",operation="read",outcome="ALLOWED",reason="held",parent="database",relationships="spicedb"} 1',
    );
    expect(body).toContain(
      'taskgate_decisions_total{type="message",operation="read",outcome="NOT_FOUND",reason="denied",parent="memory",relationships="spicedb"} 1',
    );
    expect(body).toMatch(/taskgate_rpc_duration_seconds_count\{method="CheckTask",transport="grpc",code="0"\} 2/);
    for (const id of ['alice', 'dave', 'acme', 'msg-1', 'task-1', 'canary']) expect(body).not.toContain(id);
    for (const line of body.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_]+(\{[^{}]*\})? [0-9.e+-]+$/);
    }
  });

  it.each(['/', '/livez/', '/metrics/x', '/debug/pprof', '/__proto__', '/constructor', '//livez'])(
    'has no %s',
    async (path) => {
      const { status, body } = await get(path);
      expect([status, JSON.parse(body)]).toEqual([404, { error: 'no such page; there are /livez, /readyz, /metrics' }]);
    },
  );

  it.each(['/livez', '/readyz', '/metrics'])(
    'answers HEAD %s without a body, and nothing but GET and HEAD',
    async (path) => {
      expect(await get(path, 'HEAD')).toMatchObject({ status: 200, body: '' });
      expect(await get(`${path}?verbose=1`)).toMatchObject({ status: 200 });
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        expect(await get(path, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      }
    },
  );

  it('tells nothing of why metrics could not be made', async () => {
    const routes = createAdminRoutes({
      readiness: () => ({ ready: true, dependencies: {} }),
      metrics: async () => {
        throw new Error('canary');
      },
    });
    const server = await openHttpServer(routes, {
      host: '127.0.0.1',
      port: 0,
      requestTimeoutMs: 1_000,
      stallTimeoutMs: 5_000,
      maxConnections: 10,
      maxHeaderBytes: 1_024,
    });
    expect(await exchangeHttp1(`http://${server.address}/metrics`, { method: 'GET' })).toMatchObject({
      status: 500,
      body: '{"error":"internal error"}\n',
    });
    await server.close(0);
  });
});
