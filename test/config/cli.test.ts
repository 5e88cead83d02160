import { expect, test } from 'vitest';
import { runConfig } from '../../src/cli/config.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { USAGE } from '../../src/cli/usage.ts';
import { CONFIG_VARIABLE, SIGNING_SECRET_VARIABLE, VARIABLE_KEYS } from '../../src/config/environment.ts';
import type { ConfigMode } from '../../src/config/config.ts';
import type { Source } from './support.ts';
import { REQUIRED_ENV, toDeps } from './support.ts';

test.each([
  [['serve'], { kind: 'command', command: { name: 'serve' } }],
  [['demo'], { kind: 'command', command: { name: 'demo' } }],
  [['config'], { kind: 'command', command: { name: 'config', mode: 'serve' } }],
  [['config', '--demo'], { kind: 'command', command: { name: 'config', mode: 'demo' } }],
  [['--demo', 'config'], { kind: 'command', command: { name: 'config', mode: 'demo' } }],
  [['--help'], { kind: 'help' }],
  [['-h'], { kind: 'help' }],
  [['serve', '--help'], { kind: 'help' }],
  [['serv', '-h'], { kind: 'help' }],
  [['--version'], { kind: 'version' }],
  [
    [],
    {
      kind: 'error',
      message:
        'no command: name one of serve, demo, healthcheck, schema, add-account, explain, reconcile, backfill, hash-token, config',
    },
  ],
  [['serv'], { kind: 'error', message: 'unknown command "serv" (did you mean serve?)' }],
  [['launch'], { kind: 'error', message: 'unknown command "launch"' }],
  [['add-account', 'acme'], { kind: 'command', command: { name: 'add-account', account: 'acme' } }],
  [['add-account'], { kind: 'error', message: 'add-account needs the name of an account' }],
  [['add-account', '*'], { kind: 'error', message: 'the account must name one account' }],
  [['add-account', ''], { kind: 'error', message: 'the account must not be empty' }],
  [['add-account', 'a', 'b'], { kind: 'error', message: 'add-account takes one account, but there is "b" too' }],
  [['serve', 'now'], { kind: 'error', message: 'serve takes no argument, but there is "now"' }],
  [['serve', '--demo'], { kind: 'error', message: '--demo goes with the command config' }],
  [['serve', '--port'], { kind: 'error', message: 'unknown flag --port' }],
  [['--hlep'], { kind: 'error', message: 'unknown flag --hlep (did you mean --help?)' }],
  [['--help=yes'], { kind: 'error', message: '--help takes no value' }],
  [['-x'], { kind: 'error', message: 'unknown flag -x' }],
  [['--no-help'], { kind: 'error', message: 'unknown flag --no-help (did you mean --help?)' }],
  [['--__proto__'], { kind: 'error', message: 'unknown flag --__proto__' }],
  [['--', '--help'], { kind: 'error', message: 'unknown command "--help"' }],
])('parses %j', (argv, expected) => {
  expect(parseCommand(argv)).toEqual(expected);
});

test('the help names every variable and every command on a line of its own', () => {
  for (const word of [
    'serve',
    'demo',
    'config',
    '--version',
    CONFIG_VARIABLE,
    SIGNING_SECRET_VARIABLE,
    ...Object.keys(VARIABLE_KEYS),
  ]) {
    expect(USAGE.split('\n').filter((line) => line.trimStart().startsWith(`${word} `))).toHaveLength(1);
  }
});

function run(source: Source, mode: ConfigMode) {
  let stdout = '';
  let stderr = '';
  const sinks = {
    stdout: { write: (text: string) => void (stdout += text) },
    stderr: { write: (text: string) => void (stderr += text) },
  };
  const exitCode = runConfig({ ...toDeps(source), ...sinks }, { mode });
  return { exitCode, stdout, stderr };
}

test('prints the effective configuration with its secrets masked', () => {
  const { exitCode, stdout, stderr } = run({ yaml: 'log: { level: warn }', env: REQUIRED_ENV }, 'serve');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain('  level: warn\n');
  expect(stdout).toContain('  token: "***"\n');
  expect(stdout).not.toContain(REQUIRED_ENV.TASKGATE_SPICEDB_TOKEN);
});

test('prints every problem and ends with 2', () => {
  expect(run({ yaml: 'log: { level: loud }', env: {} }, 'serve')).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `The configuration has 4 problems:
  log.level: must be one of trace, debug, info, warn, error, fatal
  spicedb.endpoint: is required to serve: set it here or in TASKGATE_SPICEDB_ENDPOINT
  spicedb.token: is required to serve: set it here or in TASKGATE_SPICEDB_TOKEN
  database.url: is required to serve: set it here or in TASKGATE_DATABASE_URL
`,
  });
  expect(run({}, 'demo').exitCode).toBe(0);
});
