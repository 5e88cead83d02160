import type { DescMethodUnary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { AdminService } from '../../src/gen/taskgate/admin/v1/admin_pb.js';
import type { AdminAccess } from '../../src/http/guard-admin.ts';
import { createAdminGuard } from '../../src/http/guard-admin.ts';
import { openHttpServer } from '../../src/http/http-server.ts';
import { toAdminAccess } from '../../src/server-options.ts';
import { callAdmin } from '../support/admin-client.ts';
import { bearer } from '../support/caller-clients.ts';
import { newToken, useTokenTaskgates } from '../support/callers-taskgate.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';

const RPC = `/${AdminService.typeName}/GetState`;

async function guarded(access: AdminAccess) {
  const server = await openHttpServer(
    createAdminGuard(
      {
        operators: (_, response) => void response.end('for operators'),
        probes: (_, response) => void response.end('probe'),
      },
      { access, rpcPrefix: `/${AdminService.typeName}/`, consolePath: '/console' },
    ),
    {
      host: '127.0.0.1',
      port: 0,
      requestTimeoutMs: 1_000,
      stallTimeoutMs: 5_000,
      maxConnections: 50,
      maxHeaderBytes: 4_096,
    },
  );
  return {
    ask: async (path: string, headers: Record<string, string> = {}) =>
      exchangeHttp1(`http://${server.address}${path}`, { headers }),
    [Symbol.asyncDispose]: async () => server.close(0),
  };
}

describe('without authentication, on loopback', () => {
  it.each([
    ['localhost', 200],
    ['localhost:9090', 200],
    ['LOCALHOST:9090', 200],
    ['127.0.0.1:9090', 200],
    ['127.8.8.8', 200],
    ['[::1]:9090', 200],
    ['evil.example', 403],
    ['evil.example:9090', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['10.0.0.1', 403],
    ['0.0.0.0:9090', 403],
    ['[::]:9090', 403],
    ['127.0.0.1@evil.example', 403],
  ])('a name that resolves there is not enough: Host %s is %i', async (host, status) => {
    await using server = await guarded('open');
    for (const path of [RPC, '/console/', '/console']) {
      expect([path, (await server.ask(path, { host })).status]).toEqual([path, status]);
    }
    expect((await server.ask('/metrics', { host })).body).toBe('probe');
  });

  it.each([
    [{ 'sec-fetch-site': 'same-origin', origin: 'http://localhost:9090' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: 'http://localhost:8080' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:9090' }, 200],
  ])('no other site of the browser may call: %j is %i', async (headers, status) => {
    await using server = await guarded('open');
    expect((await server.ask(RPC, { host: 'localhost:9090', ...headers })).status).toBe(status);
  });
});

describe('where nobody could prove who asks', () => {
  it('the RPCs and the console are refused, and probes are answered', async () => {
    await using server = await guarded('off');
    for (const path of [RPC, '/console', '/console/', '/console/app.js']) {
      const { status, body } = await server.ask(path, { host: 'localhost' });
      expect([path, status, JSON.parse(body)]).toEqual([
        path,
        403,
        { code: 'permission_denied', message: 'only on loopback, or with authentication.tokens_file' },
      ]);
    }
    for (const path of ['/livez', '/readyz', '/metrics', '/consolex']) {
      expect((await server.ask(path)).body).toBe('probe');
    }
  });

  it.each([
    ['127.0.0.1:0', '', 'open'],
    ['localhost:0', '', 'open'],
    ['0.0.0.0:0', '', 'off'],
    ['10.0.0.5:0', '', 'off'],
    ['0.0.0.0:0', 'authentication: { tokens_file: /tokens }', 'token'],
    ['127.0.0.1:0', 'authentication: { tokens_file: /tokens }', 'token'],
  ])('%s with %j is %s', (address, yaml, access) => {
    const loaded = loadConfig(
      {
        env: { TASKGATE_ADMIN_ADDRESS: address, TASKGATE_CONFIG: 'yaml' },
        readFile: (path) =>
          path === 'yaml' ? yaml || '{}' : `[{ name: ops, sha256: ${'0'.repeat(64)}, permissions: [admin] }]`,
      },
      { mode: 'demo' },
    );
    expect(loaded.kind === 'valid' ? toAdminAccess(loaded.config) : loaded).toBe(access);
  });
});

describe('with tokens', () => {
  const gates = useTokenTaskgates();

  it('needs the permission admin, for each RPC', async () => {
    const { tcp, tokens } = gates();
    const requests = { explainDecision: {}, recentDecisions: {}, getState: {} };
    for (const name of ['explainDecision', 'recentDecisions', 'getState'] as const) {
      const method: DescMethodUnary = AdminService.method[name];
      const statusWith = async (authorization?: string) =>
        (
          await callAdmin(
            tcp.addresses.admin,
            method,
            requests[name],
            authorization === undefined ? {} : { authorization },
          )
        ).status;
      expect(await statusWith()).toBe(401);
      expect(await statusWith(bearer(newToken()))).toBe(401);
      for (const other of ['check', 'filter', 'write'] as const) {
        expect([other, await statusWith(bearer(tokens[other]))]).toEqual([other, 403]);
      }
      expect(await statusWith(bearer(tokens.admin))).toBe(name === 'explainDecision' ? 400 : 200);
    }
  });

  it('shows the page, which holds no data, to whoever comes', async () => {
    const { status, headers } = await exchangeHttp1(`http://${gates().tcp.addresses.admin}/console/`, {
      method: 'GET',
    });
    expect([status, headers['x-content-type-options']]).toEqual([200, 'nosniff']);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  it('takes JSON as JSON only, and nothing but POST', async () => {
    const { tcp, tokens } = gates();
    const ask = async (method: string, type: string) =>
      (
        await exchangeHttp1(`http://${tcp.addresses.admin}${RPC}`, {
          method,
          headers: { 'content-type': type, authorization: bearer(tokens.admin) },
          ...(method === 'POST' ? { body: '{}' } : {}),
        })
      ).status;
    expect(await ask('POST', 'text/plain')).toBe(415);
    expect(await ask('POST', 'application/x-www-form-urlencoded')).toBe(415);
    expect(await ask('GET', 'application/json')).toBe(405);
    expect(await ask('POST', 'application/json')).toBe(200);
  });
});
