import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { runExplain } from '../../src/cli/explain.ts';
import type { ExplainOptions } from '../../src/cli/explain-options.ts';
import { EXIT_CODES } from '../../src/cli/usage.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { findSpiceDb, startSpiceDbServer } from '../support/spicedb-server.ts';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';

const SPICEDB = findSpiceDb();
const QUESTION = ['user:alice', 'read', 'message:msg-1', '--account', 'acme'];

function parse(...args: string[]): ExplainOptions {
  const parsed = parseCommand(['explain', ...args]);
  if (parsed.kind === 'command' && parsed.command.name === 'explain') return parsed.command.options;
  throw new Error(JSON.stringify(parsed));
}

/** Runs the command in this process. */
async function run(
  args: readonly string[],
  {
    env = {},
    isTTY = false,
    files = {},
  }: { env?: Record<string, string>; isTTY?: boolean; files?: Record<string, string> } = {},
) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runExplain(
    {
      env,
      readFile: (path) => {
        const text = files[path];
        if (text === undefined) throw new Error('ENOENT');
        return text;
      },
      stdout: { isTTY, write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
    },
    parse(...args),
  );
  return { exitCode, stdout, stderr };
}

describe('the command line of explain', () => {
  it.each([
    [[], 'explain needs PRINCIPAL OPERATION RESOURCE, such as user:alice read message:m1, or --decision-id'],
    [
      ['user:alice', 'read'],
      'explain needs PRINCIPAL OPERATION RESOURCE, such as user:alice read message:m1, or --decision-id',
    ],
    [['user:alice', 'read', 'message:m', 'x', '--account', 'a'], 'explain takes three arguments, but there is "x" too'],
    [['user:alice', 'read', 'message:m'], '--account must name the account that the principal acts in'],
    [['alice', 'read', 'message:m', '--account', 'a'], 'the principal must be like user:alice'],
    [
      ['usr:alice', 'read', 'message:m', '--account', 'a'],
      'the principal must be one of user, service_account, agent, with its id',
    ],
    [['user:alice', 'reed', 'message:m', '--account', 'a'], '"reed" is no operation (did you mean read?)'],
    [['user:alice', 'read', 'message', '--account', 'a'], 'the resource must be like message:m1'],
    [['--decision-id', 'x', '--account', 'a'], '--account does not go with --decision-id'],
    [['user:alice', '--decision-id', 'x'], '--decision-id takes no "user:alice" beside it'],
    [['--decision-id', 'x', '--index', '-1'], '--index needs a value'],
    [['--decision-id', 'x', '--index', '1e3'], '--index must be a number from 0 to 999'],
    [[...QUESTION, '--index', '1'], '--index goes with --decision-id'],
    [['--decision-id', 'x', '--direct'], '--decision-id asks a server: it does not go with --direct'],
    [[...QUESTION, '--direct', '--admin', 'http://x'], '--admin asks a server: it does not go with --direct'],
    [[...QUESTION, '--apply'], '--apply goes with the command reconcile or backfill'],
    [[...QUESTION, '--jsn'], 'unknown flag --jsn (did you mean --json?)'],
  ])('%j is wrong', (args, message) => {
    expect(parseCommand(['explain', ...args])).toEqual({ kind: 'error', message });
  });

  it('goes with no other command', () => {
    expect(parseCommand(['serve', '--json'])).toEqual({
      kind: 'error',
      message: '--json goes with the command explain',
    });
  });

  it('takes ids with colons, names, what is new, and its parent', () => {
    expect(parse('agent:a:b', 'create', 'message:*', '--account', 'x', '--parent', 'task:t:1').subject).toMatchObject({
      principal: { kind: 'agent', id: 'a:b', account: 'x' },
      check: {
        resource: { type: 'message', key: { kind: 'new' } },
        parent: { type: 'task', key: { kind: 'id', id: 't:1' } },
      },
    });
    expect(parse('user:a', 'read', 'task:*', '--by-name', '--account', 'x').subject).toMatchObject({
      check: { resource: { key: { kind: 'name', name: '*' } } },
    });
  });
});

describe('taskgate explain', () => {
  let stores: SampleStores;
  let gate: TestTaskgate;
  beforeAll(async () => {
    stores = await startSampleStores();
    gate = await startWithStores(stores);
  });
  afterAll(async () => {
    await gate[Symbol.asyncDispose]();
    await stores[Symbol.asyncDispose]();
  });
  const at = () => ['--admin', `http://${gate.addresses.admin}`];

  it.each([
    [QUESTION, 0, 'ALLOWED', 'user:alice holds read on task:task-1'],
    [['user:dave', ...QUESTION.slice(1)], 1, 'NOT_FOUND', 'user:dave does not hold read'],
    [['user:dave', 'read', 'message:none', '--account', 'acme'], 1, 'NOT_FOUND', 'message:none is absent'],
    [['user:alice', 'read', 'task:quarterly-report', '--by-name', '--account', 'acme'], 0, 'ALLOWED', 'on task:task-1'],
    [['user:alice', 'create', 'task:*', '--account', 'nowhere'], 1, 'FORBIDDEN', 'does not hold create_task'],
  ])('%j: exit code %i, %s', async (args, exitCode, outcome, why) => {
    const result = await run([...args, ...at()]);
    expect([result.exitCode, result.stderr]).toEqual([exitCode, '']);
    expect(result.stdout.split('\n')[0]).toMatch(new RegExp(`: ${outcome}$`));
    expect(result.stdout).toContain(why);
  });

  it('prints JSON, and colours on a terminal only', async () => {
    const { stdout } = await run([...QUESTION, '--json', ...at()], { isTTY: true });
    expect(JSON.parse(stdout)).toMatchObject({ verdict: { outcome: 'OUTCOME_ALLOWED' } });
    expect((await run([...QUESTION, ...at()])).stdout).not.toContain('\u001B');
    expect((await run([...QUESTION, ...at()], { isTTY: true })).stdout).toContain('\u001B[32mALLOWED\u001B[0m');
    expect((await run([...QUESTION, ...at()], { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001B');
  });

  it('shows what a terminal would act on as text', async () => {
    const id = '\u001B]0;pwned\u0007\u202Emsg';
    const { stdout } = await run(['user:dave', 'read', `message:${id}`, '--account', 'acme', ...at()]);
    expect(stdout).toContain('\\u{1b}]0;pwned\\u{7}\\u{202e}msg');
    // oxlint-disable-next-line eslint/no-control-regex -- what must not come through
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
  });

  it('takes the address from the environment', async () => {
    const result = await run(QUESTION, { env: { TASKGATE_ADMIN_ADDRESS: gate.addresses.admin } });
    expect(result.exitCode).toBe(0);
  });

  it('says what it could not be told, with exit code 2', async () => {
    const cases = [
      [['--decision-id', '00000000-0000-4000-8000-000000000000', ...at()], /is not in this replica's memory/],
      [['user:alice', 'read', 'spaceship:x', '--account', 'acme', ...at()], /resource\.type: is not a configured type/],
      [[...QUESTION, '--admin', 'http://127.0.0.1:1'], /127\.0\.0\.1:1 can not be reached/],
      [[...QUESTION, '--admin', 'ftp://x'], /--admin must be an http\(s\) URL/],
      [[...QUESTION, '--admin', `http://${gate.addresses.http}`], /the server answered 404/],
    ] as const;
    for (const [args, message] of cases) {
      const { exitCode, stdout, stderr } = await run(args);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(message);
    }
  });

  it.each([
    ['<html>', 200],
    ['{"verdict": {"outcome": "OUTCOME_ALLOWED"', 200],
    ['{}', 200],
    ['{"verdict":{"outcome":77}}', 200],
    ['{"message":"\u001B[31mred"}', 500],
  ])('takes no answer of something else (%j) for an allow', async (body, status) => {
    const server = createServer((_, response) => void response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { exitCode, stderr } = await run([...QUESTION, '--admin', `http://127.0.0.1:${port}`]);
    expect(exitCode).toBe(EXIT_CODES.misused);
    expect(stderr).not.toContain('\u001B');
    server.close();
    server.closeAllConnections();
  });

  it('asks the stores themselves with --direct, to the same end, and says no secret', async () => {
    const env = {
      TASKGATE_SPICEDB_ENDPOINT: '127.0.0.1:1',
      TASKGATE_SPICEDB_TOKEN: 'canary-token',
      TASKGATE_DATABASE_URL: stores.databaseUrl,
    };
    const unreachable = await run([...QUESTION, '--direct'], { env });
    expect(unreachable.exitCode).toBe(2);
    expect(unreachable.stdout).toContain('COULD NOT TELL\n  spicedb is unavailable: nothing was decided');
    expect(unreachable.stdout).toContain('▸ database  found   task:task-1');
    const password = new URL(stores.databaseUrl).password;
    for (const secret of ['canary', ...(password === '' ? [] : [password])]) {
      expect(unreachable.stdout + unreachable.stderr).not.toContain(secret);
    }
    const wrong = await run([...QUESTION, '--direct'], { env: {} });
    expect([wrong.exitCode, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toContain('spicedb');
  });
});

describe.skipIf(SPICEDB === undefined)('taskgate explain --direct', () => {
  it('comes to the same, without a server', async () => {
    await using stores = await startSampleStores();
    await using spiceDb = await startSpiceDbServer(SPICEDB ?? '', {
      postgresUrl: inject('postgresUrl'),
      relationships: SAMPLE_RELATIONSHIPS,
    });
    const env = {
      TASKGATE_SPICEDB_ENDPOINT: spiceDb.options.endpoint,
      TASKGATE_SPICEDB_TOKEN: spiceDb.options.token,
      TASKGATE_DATABASE_URL: stores.databaseUrl,
    };
    const allowed = await run([...QUESTION, '--direct', '--fully-consistent'], { env });
    expect([allowed.exitCode, allowed.stderr]).toEqual([0, '']);
    expect(allowed.stdout).toContain('by task:task-1#owner@user:alice and tenant:acme#member@user:alice[same_account]');
    expect((await run(['user:dave', ...QUESTION.slice(1), '--direct', '--fully-consistent'], { env })).exitCode).toBe(
      1,
    );
    const json = await run([...QUESTION, '--direct', '--fully-consistent', '--json'], { env });
    expect(json.stdout).not.toContain(spiceDb.options.token);
  }, 60_000);
});

describe('where callers are authenticated', () => {
  const gates = useTokenTaskgates();

  it('explain sends the token of a file or of the environment, and never shows it', async () => {
    const { tcp, tokens } = gates();
    const args = [...QUESTION, '--admin', `http://${tcp.addresses.admin}`];
    const file = await run([...args, '--token-file', '/token'], { files: { '/token': `${tokens.admin}\n` } });
    expect([file.exitCode, file.stderr]).toEqual([0, '']);
    expect((await run(args, { env: { TASKGATE_ADMIN_TOKEN: tokens.admin } })).exitCode).toBe(0);
    const without = await run(args);
    expect([without.exitCode, without.stderr]).toEqual([2, 'taskgate: the caller is not authenticated\n']);
    const lacking = await run(args, { env: { TASKGATE_ADMIN_TOKEN: tokens.check } });
    expect(lacking.stderr).toBe('taskgate: the caller lacks the permission admin\n');
    const malformed = await run(args, { env: { TASKGATE_ADMIN_TOKEN: 'canary\ncanary' } });
    expect(malformed.exitCode).toBe(2);
    expect(malformed.stderr + malformed.stdout).not.toContain('canary');
    expect((await run([...args, '--token-file', '/none'])).stderr).toBe(
      'taskgate: --token-file /none can not be read\n',
    );
  });
});
