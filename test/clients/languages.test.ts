import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { spawnTaskgate } from '../support/taskgate-process.ts';
import { prepareToolchain, reasonOf, ROOT, run } from './toolchains.ts';

const python = await prepareToolchain('python');
const go = await prepareToolchain('go');
const PYTHON = join(ROOT, '.cache/clients/python/bin/python');
const GO = join(ROOT, 'clients/go');
const SLOW_MS = 120_000;

const PRINTED = `alice reads msg-1: allowed, on task-1
dave reads msg-1: not found
dave reads no-such-msg: not found
`;

let demo: TaskgateProcess;
let directory: string;
let target: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'taskgate-clients-'));
  const anyPort = '127.0.0.1:0';
  demo = spawnTaskgate(['demo'], {
    TASKGATE_GRPC_ADDRESS: anyPort,
    TASKGATE_HTTP_ADDRESS: anyPort,
    TASKGATE_ADMIN_ADDRESS: anyPort,
  });
  await vi.waitFor(() => expect(demo.stdout()).toContain('Ctrl-C ends it.'), { timeout: 20_000, interval: 50 });
  target = /gRPC +(\S+)/.exec(demo.stdout())?.[1] ?? '';
});
afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe('the TypeScript client', () => {
  it('runs its example', async () => {
    expect(await run(process.execPath, ['clients/typescript/example/check.ts', target])).toBe(PRINTED);
  });

  it('needs the versions that are tested here', async () => {
    const read = async (path: string) =>
      JSON.parse(await readFile(join(ROOT, path), 'utf8')) as { readonly dependencies: Record<string, string> };
    const [client, root] = [await read('clients/typescript/package.json'), await read('package.json')];
    expect(root.dependencies).toMatchObject(client.dependencies);
  });
});

describe.skipIf(python.kind === 'absent')(`the Python client${reasonOf(python)}`, () => {
  it(
    'runs its example, when it is installed',
    async () => {
      const site = join(directory, 'site');
      const install = ['install', '--quiet', '--no-deps', '--no-build-isolation', '--no-index', '--target', site];
      await run(PYTHON, ['-m', 'pip', ...install, join(ROOT, 'clients/python')]);
      const env = { PYTHONPATH: site };
      const example = join(ROOT, 'clients/python/example.py');
      expect(await run(PYTHON, [example, target], { cwd: directory, env })).toBe(PRINTED);
    },
    SLOW_MS,
  );

  it(
    'passes its own tests',
    async () => {
      const env = { PYTHONPATH: ['src', 'gen'].map((name) => join(ROOT, 'clients/python', name)).join(':') };
      await run(PYTHON, ['-m', 'unittest', 'discover', '-s', 'clients/python/tests'], { env });
    },
    SLOW_MS,
  );
});

describe.skipIf(go.kind === 'absent')(`the Go client${reasonOf(go)}`, () => {
  it(
    'runs its example',
    async () => {
      const example = join(directory, 'example');
      await run('go', ['build', '-o', example, './example'], { cwd: GO, timeout: SLOW_MS });
      expect(await run(example, [target])).toBe(PRINTED);
    },
    SLOW_MS,
  );

  it(
    'passes its own tests, vet and gofmt',
    async () => {
      await run('go', ['vet', './...'], { cwd: GO, timeout: SLOW_MS });
      await run('go', ['test', './...'], { cwd: GO, timeout: SLOW_MS });
      expect(await run('gofmt', ['-l', '.'], { cwd: GO })).toBe('');
    },
    SLOW_MS,
  );
});

const both = python.kind === 'present' && go.kind === 'present';
describe.skipIf(!both)(`the generated code${reasonOf(python, go)}`, () => {
  it(
    'is what the template makes of the contract',
    async () => {
      const out = join(directory, 'generated');
      const buf = join(ROOT, 'node_modules/.bin/buf');
      await run(buf, ['generate', '--template', 'buf.gen.clients.yaml', '-o', out], { timeout: SLOW_MS });
      for (const path of ['clients/python/gen', 'clients/go/gen']) {
        expect(await filesOf(join(ROOT, path)), 'npm run generate:clients').toEqual(await filesOf(join(out, path)));
      }
    },
    SLOW_MS,
  );
});

/** Every file with what it holds. */
async function filesOf(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('__pycache__'));
  const read = files.map(async ({ parentPath, name }) => {
    const file = join(parentPath, name);
    return [file.slice(path.length), await readFile(file, 'utf8')] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
