import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { createExpiry } from '../../src/parents/expiry.ts';
import type { RedisTarget } from '../../src/parents/redis-client.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import { createRedisParents } from '../../src/parents/redis-parents.ts';
import { findOnPath } from '../support/find-on-path.ts';
import { freePort } from '../support/free-port.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { ABSENT, createSource, EXPIRY, found, KEY_RING, messageKey, SILENT } from './fixtures.ts';

const TIMEOUT_MS = 1_000;
const SOON = { timeout: 15_000, interval: 50 };

/** One Redis server of the test's own, with its settings in a file as Sentinel wants it. */
async function startServer(settings: string, ...args: readonly string[]) {
  const binary = findOnPath('redis-server', 'valkey-server');
  if (binary === undefined) throw new Error('no Redis server on the PATH');
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-redis-'));
  const port = await freePort();
  const file = join(directory, 'redis.conf');
  await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsave ""\n${settings}\n`);
  const server = spawn(binary, [file, ...args], { stdio: 'ignore' });
  const exited = once(server, 'exit');
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function command(port: number, ...[name = '', ...args]: readonly string[]): Promise<unknown> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/** What one replica found, another has without asking its source. */
async function expectShared(target: RedisTarget): Promise<void> {
  const clients = [createRedisClient(target, () => undefined), createRedisClient(target, () => undefined)];
  const sources = [createSource(() => found('task-1')), createSource(() => ABSENT)];
  const replicas = clients.map((redis, index) =>
    createRedisParents(
      {
        next: sources[index] ?? createSource(() => ABSENT),
        redis,
        clock: SYSTEM_CLOCK,
        expiryOf: createExpiry(EXPIRY, () => 0),
        observer: SILENT,
      },
      { keyPrefix: 'test', keyRing: KEY_RING, timeoutMs: TIMEOUT_MS },
    ),
  );
  try {
    const keys = Array.from({ length: 50 }, (_, index) => messageKey(`m-${index}`));
    await vi.waitFor(
      async () => expect(await Promise.all(clients.map(async (client) => client.ping()))).toEqual(['PONG', 'PONG']),
      SOON,
    );
    await replicas[0]?.lookup(keys, callContext());
    await replicas[0]?.settled();
    expect(await replicas[1]?.lookup(keys, callContext())).toEqual(keys.map(() => found('task-1')));
    expect(sources[1]?.asked).toEqual([]);
  } finally {
    for (const client of clients) client.disconnect();
  }
}

test('shares parents through one server', async () => {
  await using server = await startServer('');
  await expectShared({ mode: 'single', url: `redis://127.0.0.1:${server.port}`, tls: false, timeoutMs: TIMEOUT_MS });
});

test('shares parents through a server with a password', async () => {
  await using server = await startServer('requirepass secret');
  const target = {
    mode: 'single',
    url: `redis://127.0.0.1:${server.port}`,
    tls: false,
    timeoutMs: TIMEOUT_MS,
  } as const;
  await expectShared({ ...target, password: 'secret' });
});

test('shares parents through the master that Sentinel names', async () => {
  await using master = await startServer('');
  await using sentinel = await startServer(`sentinel monitor main 127.0.0.1 ${master.port} 1`, '--sentinel');
  await vi.waitFor(
    async () =>
      expect(await command(sentinel.port, 'SENTINEL', 'get-master-addr-by-name', 'main')).toEqual([
        '127.0.0.1',
        `${master.port}`,
      ]),
    SOON,
  );
  const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
  await expectShared({ mode: 'sentinel', sentinels, masterName: 'main', tls: false, timeoutMs: TIMEOUT_MS });
});

test('shares parents through a cluster, whatever slots the keys are in', async () => {
  await using first = await startServer('cluster-enabled yes');
  await using second = await startServer('cluster-enabled yes');
  await command(first.port, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
  await command(second.port, 'CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
  await command(first.port, 'CLUSTER', 'MEET', '127.0.0.1', `${second.port}`);
  const isWhole = async (port: number): Promise<void> =>
    expect(String(await command(port, 'CLUSTER', 'INFO'))).toContain('cluster_state:ok');
  await vi.waitFor(async () => Promise.all([isWhole(first.port), isWhole(second.port)]), SOON);
  await expectShared({
    mode: 'cluster',
    nodes: [{ host: '127.0.0.1', port: first.port }],
    tls: false,
    timeoutMs: TIMEOUT_MS,
  });
});

/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;

test.each<[string, (port: number) => RedisTarget]>([
  ['single', (port) => ({ mode: 'single', url: `redis://127.0.0.1:${port}`, tls: true, timeoutMs: TIMEOUT_MS })],
  [
    'sentinel',
    (port) => ({
      mode: 'sentinel',
      sentinels: [{ host: '127.0.0.1', port }],
      masterName: 'main',
      password: 'canary',
      tls: true,
      timeoutMs: TIMEOUT_MS,
    }),
  ],
  ['cluster', (port) => ({ mode: 'cluster', nodes: [{ host: '127.0.0.1', port }], tls: true, timeoutMs: TIMEOUT_MS })],
])('says nothing in clear text with tls: %s', async (mode, toTarget) => {
  const { promise: firstByte, resolve } = Promise.withResolvers<number | undefined>();
  const server = createServer((socket) =>
    socket.on('error', () => undefined).once('data', (bytes) => resolve(bytes[0])),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = createRedisClient(
    toTarget(typeof address === 'object' && address !== null ? address.port : 0),
    () => undefined,
  );
  expect(await firstByte).toBe(TLS_HANDSHAKE);
  // The master's own connection needs a setting of its own in Sentinel mode.
  if (mode === 'sentinel') expect(client.options).toMatchObject({ enableTLSForSentinelMode: true, tls: {} });
  client.disconnect();
  server.close();
});
