import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { HealthcheckOptions } from '../../src/cli/healthcheck.ts';
import { runHealthcheck } from '../../src/cli/healthcheck.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { probeGrpcHealth, probeHttp } from '../../src/cli/probe-health.ts';
import { freePort } from '../support/free-port.ts';
import { useTaskgate } from '../support/taskgate.ts';

const STORES = {
  TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
  TASKGATE_SPICEDB_TOKEN: 'unused',
  TASKGATE_DATABASE_URL: 'postgres://reader@127.0.0.1:1/app',
};

async function run(asks: HealthcheckOptions['asks'], env: Readonly<Record<string, string>>, yaml?: string) {
  const written = { stdout: '', stderr: '' };
  const exitCode = await runHealthcheck(
    {
      env: { ...STORES, ...env, ...(yaml === undefined ? {} : { TASKGATE_CONFIG: 'yaml' }) },
      readFile: (path) => (path === 'yaml' ? (yaml ?? '') : readFileSync(path, 'utf8')),
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
    },
    { asks },
  );
  return { exitCode, ...written };
}

describe('taskgate healthcheck', () => {
  const gate = useTaskgate({ grpc: 'socket' });

  it.each(['ready', 'live'] as const)('says that a taskgate is %s', async (asks) => {
    const { admin } = gate().addresses;
    const said = `${asks === 'ready' ? '/readyz' : '/livez'} answers 200\n`;
    expect(await run(asks, { TASKGATE_ADMIN_ADDRESS: admin })).toEqual({ exitCode: 0, stdout: said, stderr: '' });
  });

  it('asks one that is bound to every address on loopback', async () => {
    const everywhere = gate().addresses.admin.replace('127.0.0.1', '0.0.0.0');
    expect((await run('ready', { TASKGATE_ADMIN_ADDRESS: everywhere })).exitCode).toBe(0);
  });

  it('asks the health service on the unix socket', async () => {
    const answer = await run('grpc', { TASKGATE_GRPC_ADDRESS: gate().addresses.grpc });
    expect(answer).toEqual({ exitCode: 0, stdout: 'gRPC health says SERVING\n', stderr: '' });
  });

  it('says no where nobody listens', async () => {
    const nowhere = `127.0.0.1:${await freePort()}`;
    const no = { exitCode: 1, stdout: '', stderr: 'no answer\n' };
    expect(await run('live', { TASKGATE_ADMIN_ADDRESS: nowhere })).toEqual(no);
    expect(await run('grpc', { TASKGATE_GRPC_ADDRESS: nowhere })).toEqual(no);
    expect(await run('grpc', { TASKGATE_GRPC_ADDRESS: 'unix:/nowhere/taskgate.sock' })).toEqual(no);
  });

  it('ends with 2 where the configuration is wrong or names no address', async () => {
    expect(await run('ready', { TASKGATE_ADMIN_ADDRESS: 'nonsense' })).toMatchObject({ exitCode: 2, stdout: '' });
    const anyPort = await run('ready', { TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0' });
    expect(anyPort).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('port 0') });
  });

  it('does not ask in plain text where TLS is spoken', async () => {
    const [cert, key] = ['server-cert.pem', 'server-key.pem'].map((name) => `test/fixtures/tls/${name}`);
    const yaml = `listeners: { grpc: { address: "127.0.0.1:50051", tls: { cert_file: ${cert}, key_file: ${key} } } }`;
    const answer = await run('grpc', {}, yaml);
    expect(answer).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('TLS') });
  });
});

describe('a probe', () => {
  it('takes 503 for a no', async () => {
    await using server = await listen(createHttpServer((_, response) => response.writeHead(503).end()));
    const outcome = await probeHttp(server.target, '/readyz', AbortSignal.timeout(5_000));
    expect(outcome).toEqual({ kind: 'no', said: '/readyz answers 503' });
  });

  it('does not wait for who never answers', async () => {
    await using server = await listen(createServer());
    const no = { kind: 'no', said: 'no answer' };
    expect(await probeHttp(server.target, '/livez', AbortSignal.timeout(100))).toEqual(no);
    expect(await probeGrpcHealth(server.target, AbortSignal.timeout(100))).toEqual(no);
  });

  it.each([
    ['NOT_SERVING', Buffer.from([0, 0, 0, 0, 2, 8, 2])],
    ['an answer without a message', Buffer.alloc(0)],
    ['an answer without an end to it', Buffer.alloc(100_000)],
  ])('takes %s for a no', async (_, bytes) => {
    const http2 = createHttp2Server((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/grpc' }).end(bytes);
    });
    await using server = await listen(http2);
    expect((await probeGrpcHealth(server.target, AbortSignal.timeout(5_000))).kind).toBe('no');
  });

  it('takes a server that speaks something else for a no', async () => {
    await using server = await listen(createServer((socket) => socket.end('-ERR unknown command\r\n')));
    expect((await probeHttp(server.target, '/livez', AbortSignal.timeout(5_000))).kind).toBe('no');
    expect((await probeGrpcHealth(server.target, AbortSignal.timeout(5_000))).kind).toBe('no');
  });
});

it.each([
  [['healthcheck'], 'ready'],
  [['healthcheck', '--live'], 'live'],
  [['healthcheck', '--grpc'], 'grpc'],
])('%j is parsed', (argv, asks) => {
  expect(parseCommand(argv)).toEqual({ kind: 'command', command: { name: 'healthcheck', options: { asks } } });
});

it.each([
  [['healthcheck', '--live', '--grpc'], /exclude each other/],
  [['healthcheck', 'now'], /takes no argument/],
  [['serve', '--live'], /--live goes with the command healthcheck/],
  [['healthcheck', '--demo'], /--demo goes with the command config/],
  [['healthcheck', '--liv'], /did you mean --live/],
])('%j is refused', (argv, message) => {
  expect(parseCommand(argv)).toEqual({ kind: 'error', message: expect.stringMatching(message) });
});

it('loads no server: of all commands, the first line of code loads none', () => {
  const main = readFileSync(new URL('../../src/main.ts', import.meta.url), 'utf8');
  const loaded = [...main.matchAll(/^import .* from '\.\/cli\/(?<name>[\w-]+)\.ts';$/gm)].map(
    ({ groups }) => groups?.['name'],
  );
  expect(loaded).toEqual(['parse-command', 'usage', 'usage']);
});

async function listen(server: Server | ReturnType<typeof createHttp2Server>) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket: { destroy(): void }) => sockets.add(socket));
  return {
    target: { host: '127.0.0.1', port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
