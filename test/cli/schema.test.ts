import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseCommand } from '../../src/cli/parse-command.ts';
import type { SchemaCommandOptions } from '../../src/cli/schema.ts';
import { runSchema } from '../../src/cli/schema.ts';
import { loadSchema } from '../support/spicedb.ts';
import type { SpiceDbServer } from '../support/spicedb-server.ts';
import { findSpiceDb, startSpiceDbServer } from '../support/spicedb-server.ts';

const binary = findSpiceDb();

describe.skipIf(binary === undefined)('taskgate schema', () => {
  let server: SpiceDbServer;
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'taskgate-schema-'));
    server = await startSpiceDbServer(binary ?? '', { postgresUrl: inject('postgresUrl'), relationships: 'nothing' });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function run(options: SchemaCommandOptions, env: Readonly<Record<string, string>> = {}) {
    const written = { stdout: '', stderr: '' };
    const exitCode = await runSchema(
      {
        env: {
          TASKGATE_SPICEDB_ENDPOINT: server.options.endpoint,
          TASKGATE_SPICEDB_TOKEN: server.options.token,
          TASKGATE_DATABASE_URL: 'postgres://reader@127.0.0.1:1/app',
          ...env,
        },
        readFile: (path) => readFileSync(path, 'utf8'),
        stdout: { write: (text) => (written.stdout += text) },
        stderr: { write: (text) => (written.stderr += text) },
      },
      options,
    );
    return { exitCode, ...written };
  }

  async function fileWith(text: string): Promise<string> {
    const file = join(directory, 'schema.zed');
    await writeFile(file, text);
    return file;
  }

  it('writes the schema once, says so, and tells what another one would change', async () => {
    expect(await run({ action: 'check' })).toEqual({ exitCode: 1, stdout: 'SpiceDB has no schema\n', stderr: '' });
    const first = await run({ action: 'apply' });
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^the schema is written, at \S+\n$/);
    const same = { exitCode: 0, stdout: 'SpiceDB has this schema\n', stderr: '' };
    expect(await run({ action: 'check' })).toEqual(same);
    expect(await run({ action: 'apply' })).toEqual(same);

    const changed = loadSchema()
      .replaceAll(/\tpermission cancel = .*\n/g, '')
      .replace('permission update = (editor + owner)', 'permission update = owner')
      .replace('definition user {}', 'definition user {}\ndefinition robot {}');
    const file = await fileWith(changed);
    const differs = await run({ action: 'check', file });
    expect(differs).toMatchObject({ exitCode: 1, stderr: '' });
    expect(differs.stdout.split('\n').filter(Boolean).toSorted()).toEqual([
      'definition added: robot',
      'permission expr changed: agent.update',
      'permission removed: schedule.cancel',
      'permission removed: task.cancel',
    ]);
    expect((await run({ action: 'apply', file })).stdout).toContain('permission removed: task.cancel\n');
    expect((await run({ action: 'check', file })).exitCode).toBe(0);
    expect((await run({ action: 'check' })).exitCode).toBe(1);
    expect((await run({ action: 'apply' })).exitCode).toBe(0);
  });

  it('takes other comments for the same schema', async () => {
    await run({ action: 'apply' });
    const file = await fileWith(`/* another comment */\n${loadSchema().replaceAll(/\t\/\*\* .* \*\/\n/g, '')}`);
    expect((await run({ action: 'check', file })).exitCode).toBe(0);
  });

  it.each([
    ['check', 'definition user {\n', /expected end of statement|syntax|Unexpected/i],
    ['apply', 'definition user {\n  permission read = nobody\n}\n', /nobody/],
  ] as const)('says in one line why SpiceDB does not take it: %s', async (action, schema, why) => {
    await run({ action: 'apply' });
    const { exitCode, stderr } = await run({ action, file: await fileWith(schema) });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^taskgate: SpiceDB refuses the schema: .*\n$/);
    expect(stderr).toMatch(why);
    expect((await run({ action: 'check' })).exitCode).toBe(0);
  });

  it.each(['check', 'apply'] as const)('can not tell with a token that is wrong: %s', async (action) => {
    const refused = await run({ action }, { TASKGATE_SPICEDB_TOKEN: 'wrong' });
    expect(refused).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'taskgate: spicedb is unavailable: nothing was decided\n',
    });
  });

  it('ends with 2 where the file or the configuration is not there', async () => {
    expect(await run({ action: 'apply', file: '/nowhere' })).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await run({ action: 'apply' }, { TASKGATE_SPICEDB_TOKEN: '' })).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

it.each([
  [['schema', 'check'], { action: 'check' }],
  [['schema', 'apply', 'mine.zed'], { action: 'apply', file: 'mine.zed' }],
])('%j is parsed', (argv, options) => {
  expect(parseCommand(argv)).toEqual({ kind: 'command', command: { name: 'schema', options } });
});

it.each([
  [['schema'], 'schema needs an action: check or apply'],
  [['schema', 'write'], 'schema checks or applies: there is no "write"'],
  [['schema', 'apply', 'a', 'b'], 'schema takes one file, but there is "b" too'],
  [['schema', 'apply', '--demo'], '--demo goes with the command config'],
])('%j is refused', (argv, message) => {
  expect(parseCommand(argv)).toEqual({ kind: 'error', message });
});
