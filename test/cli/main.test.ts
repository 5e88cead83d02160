import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { runTaskgate, spawnTaskgate } from '../support/taskgate-process.ts';

const SECRETS = {
  token: 'canary-token',
  password: 'canary-password',
  signing: 'canary-signing-secret-0123456789abcdef',
};
const SERVE_ENV = {
  TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
  TASKGATE_SPICEDB_TOKEN: SECRETS.token,
  TASKGATE_DATABASE_URL: `postgres://reader:${SECRETS.password}@127.0.0.1:1/app`,
  TASKGATE_REDIS_URL: `redis://:${SECRETS.password}@127.0.0.1:1`,
  TASKGATE_REDIS_SIGNING_SECRET: SECRETS.signing,
};
const ANY_PORTS = {
  TASKGATE_GRPC_ADDRESS: '127.0.0.1:0',
  TASKGATE_HTTP_ADDRESS: '127.0.0.1:0',
  TASKGATE_ADMIN_ADDRESS: '127.0.0.1:0',
};

describe.concurrent('taskgate', () => {
  it('prints its help', async () => {
    const { exitCode, stdout, stderr } = await runTaskgate(['--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^taskgate: .*\n\nUsage: taskgate <command>\n/);
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await runTaskgate(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    [['srve'], 'taskgate: unknown command "srve" (did you mean serve?)\nTry: taskgate --help\n'],
    [[], /^taskgate: no command: name one of .*\nTry: taskgate --help\n$/],
    [['serve', '--prot=1'], /^taskgate: unknown flag --prot.*\n/],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await runTaskgate(args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it.each(['serve', 'config'])(
    '%s lists everything that is wrong with the configuration, with no secret',
    async (command) => {
      const { exitCode, stdout, stderr } = await runTaskgate([command], {
        ...SERVE_ENV,
        TASKGATE_SPICEDB_ENDPOINT: '',
        TASKGATE_GRPC_ADDRESS: '0.0.0.0:50051',
        TASKGATE_DATABASE_URL: `mysql://root:${SECRETS.password}@db/app`,
        TASKGATE_REDIS_SIGNING_SECRET: 'canary-short',
        TASKGATE_SPICEDB_TOKN: 'x',
      });
      expect([exitCode, stdout]).toEqual([2, '']);
      for (const name of [
        'TASKGATE_SPICEDB_TOKN',
        'TASKGATE_GRPC_ADDRESS',
        'TASKGATE_DATABASE_URL',
        'TASKGATE_REDIS_SIGNING_SECRET',
        'spicedb.endpoint',
      ]) {
        expect(stderr.split('\n').filter((line) => line.startsWith(`  ${name}: `))).toHaveLength(1);
      }
      expect(stderr).toMatch(/^The configuration has 5 problems:\n/);
      expect(stderr).not.toContain('canary');
    },
  );

  it('prints the effective configuration as YAML, with its secrets masked', async () => {
    const { exitCode, stdout, stderr } = await runTaskgate(['config'], SERVE_ENV);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toMatchObject({
      spicedb: { endpoint: '127.0.0.1:1', token: '***' },
      database: { url: 'postgres://reader:***@127.0.0.1:1/app' },
      redis: { signing_keys: [{ id: 'env', secret: '***' }] },
    });
    expect(stdout).not.toContain('canary');
  });

  it('prints the configuration of the demo, which needs no store', async () => {
    const { exitCode, stdout, stderr } = await runTaskgate(['config', '--demo']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toMatchObject({ shutdown: { drain_delay_ms: 0 }, types: { task: { registered: true } } });
  });

  it.each(['serve', 'demo'] as const)('%s ends with 1 when a port is in use, and says which', async (command) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const env = { ...(command === 'serve' ? SERVE_ENV : {}), ...ANY_PORTS, TASKGATE_HTTP_ADDRESS: `127.0.0.1:${port}` };
    const { exitCode, stdout, stderr } = await runTaskgate([command], env);
    taken.close();
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toContain(`can't listen on 127.0.0.1:${port}: `);
    expect(stdout + stderr).not.toContain('canary');
  });

  it('serves without its stores, not ready, with no secret in its log', async () => {
    await using run = spawnTaskgate(['serve'], { ...SERVE_ENV, ...ANY_PORTS });
    await vi.waitFor(() => expect(run.stdout()).toContain('"msg":"listening"'), { timeout: 10_000, interval: 20 });
    run.child.kill('SIGTERM');
    expect(await run.exited).toBe(0);
    expect(run.stdout()).toContain('"msg":"not ready"');
    expect(run.stdout() + run.stderr()).not.toContain('canary');
  });
});

it('keeps a Redis password that is refused out of its log, down to debug', async () => {
  const redis = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n'));
  }).listen(0, '127.0.0.1');
  await once(redis, 'listening');
  const address = redis.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-cli-'));
  const config = join(directory, 'taskgate.yaml');
  await writeFile(config, 'log: { level: debug }');
  const url = `redis://:${SECRETS.password}@127.0.0.1:${port}`;
  {
    await using run = spawnTaskgate(['serve'], {
      ...SERVE_ENV,
      ...ANY_PORTS,
      TASKGATE_REDIS_URL: url,
      TASKGATE_CONFIG: config,
    });
    await vi.waitFor(() => expect(run.stdout()).toContain('WRONGPASS'), { timeout: 10_000, interval: 20 });
    expect(run.stdout() + run.stderr()).not.toContain('canary');
  }
  redis.close();
  await rm(directory, { recursive: true });
});

describe('taskgate demo', () => {
  let demo: TaskgateProcess;
  beforeAll(async () => {
    demo = spawnTaskgate(['demo'], ANY_PORTS);
    await vi.waitFor(() => expect(demo.stdout()).toContain('Ctrl-C ends it.'), { timeout: 20_000, interval: 50 });
  });
  afterAll(async () => demo[Symbol.asyncDispose]());

  /** The commands as printed, each with the answer printed below it. */
  function examples(): readonly { readonly command: string; readonly answer: unknown }[] {
    const text = demo.stdout();
    return Array.from(
      text.matchAll(/^# .*\n((?:curl|npx) .*)\n([^]*?)\n(?=\n)/gm),
      ([, command = '', answer = '']) => ({
        command,
        answer: JSON.parse(answer),
      }),
    );
  }

  it('prints three calls with their answers, and denied and absent are the same', () => {
    const [allowed, denied, absent] = examples();
    expect(examples()).toHaveLength(3);
    expect(allowed?.answer).toMatchObject({ decision: 'DECISION_ALLOWED', taskId: 'task-1' });
    expect(denied?.answer).toEqual({ decision: 'DECISION_NOT_FOUND' });
    expect(absent?.answer).toEqual(denied?.answer);
    expect(absent?.command).not.toBe(denied?.command);
  });

  it('prints commands that give the printed answers when they are pasted into a shell', async () => {
    const results = await Promise.all(
      examples().map(async ({ command, answer }) => {
        const { stdout } = await promisify(execFile)('bash', ['-c', command]);
        return [withoutRevision(JSON.parse(stdout)), withoutRevision(answer)];
      }),
    );
    expect(results).toHaveLength(3);
    for (const [given, printed] of results) expect(given).toEqual(printed);
  });

  it('ends with 0 on Ctrl-C', async () => {
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
  });
});

function withoutRevision(answer: unknown): unknown {
  return { ...(answer as object), checkedAt: undefined };
}
