import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { findOnPath } from './find-on-path.ts';
import { freePort } from './free-port.ts';

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
}

const START_TIMEOUT_MS = 10_000;

/** Redis for the tests: `REDIS_URL`, or a server of our own, installed if it must be. */
export async function startRedis(): Promise<TestRedis> {
  const url = process.env['REDIS_URL'];
  if (url !== undefined) return { url, [Symbol.asyncDispose]: async () => undefined };
  const binary = findServer() ?? installServer();
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/'];
  const server = spawn(binary, args, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await exited;
  };
  try {
    await answers(`redis://127.0.0.1:${port}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

function findServer(): string | undefined {
  return findOnPath('redis-server', 'valkey-server');
}

function installServer(): string {
  const isRoot = process.getuid?.() === 0;
  const commands =
    findOnPath('apt-get') !== undefined && isRoot
      ? [
          ['apt-get', 'update', '-qq'],
          ['apt-get', 'install', '-y', '-qq', 'redis-server'],
        ]
      : findOnPath('brew') === undefined
        ? []
        : [['brew', 'install', 'redis']];
  for (const [command = '', ...args] of commands) {
    execFileSync(command, args, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  }
  const binary = findServer();
  if (binary !== undefined) return binary;
  throw new Error('The tests need Redis: install redis-server or valkey-server, or set REDIS_URL.');
}

async function answers(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: (attempt) => (attempt > 200 ? null : 50) });
  client.on('error', () => undefined);
  const timer = setTimeout(() => client.disconnect(), START_TIMEOUT_MS);
  try {
    await client.ping();
  } finally {
    clearTimeout(timer);
    client.disconnect();
  }
}
