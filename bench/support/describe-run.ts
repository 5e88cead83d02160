import { execFile } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { CERBOS_VERSION } from './cerbos-server.ts';
import type { BenchOptions } from './row.ts';
import type { BenchStores } from './stores.ts';

const run = promisify(execFile);

/** The machine, the versions and what else went on: one line, without which the figures say little. */
export async function describeRun(stores: BenchStores, { isFull }: BenchOptions): Promise<string> {
  const [load = 0] = loadavg();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, load average ${load.toFixed(1)} at the start`;
  const versions = [
    `Node ${process.version}`,
    await spiceDbVersion(stores),
    `Postgres ${await postgresVersion(stores.postgresUrl)}`,
    `Redis ${await redisVersion(stores.redisUrl)}`,
    `Cerbos ${CERBOS_VERSION}`,
    `h2load ${await h2loadVersion()}`,
  ];
  return `Machine: ${machine}. ${versions.join(', ')}.${isFull ? ' Full sizes.' : ''}`;
}

/** Not every section needs it. */
async function h2loadVersion(): Promise<string> {
  const { stdout } = await run('h2load', ['--version']).catch(() => ({ stdout: '' }));
  return /\/([\d.]+)/.exec(stdout)?.[1] ?? 'is not there';
}

async function spiceDbVersion({ server }: BenchStores): Promise<string> {
  if (server === undefined) return 'SpiceDB: embedded engine';
  const { stdout } = await run(server.binary, ['version', '--skip-release-check']);
  return `SpiceDB ${/v?\d[\d.]+/.exec(stdout)?.[0]} on Postgres`;
}

async function postgresVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  return rows[0]?.server_version ?? '?';
}

async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url);
  const information = await client.info('server');
  client.disconnect();
  return /redis_version:(\S+)/.exec(information)?.[1] ?? '?';
}
