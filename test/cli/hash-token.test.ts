import { describe, expect, it } from 'vitest';
import { createFindByToken } from '../../src/callers/token-callers.ts';
import { parseTokenFile } from '../../src/callers/token-file.ts';
import type { HashTokenOptions } from '../../src/cli/hash-token.ts';
import { runHashToken } from '../../src/cli/hash-token.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';

const TOKEN = 'abcdefghijklmnopqrstuvwxyz012345';
const DEFAULTS: HashTokenOptions = { isGenerated: false, name: 'caller', permissions: ['check', 'filter', 'write'] };

async function run(input: string, options: Partial<HashTokenOptions> = {}) {
  const written = { stdout: '', stderr: '' };
  const exitCode = await runHashToken(
    {
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      readInput: async () => input,
    },
    { ...DEFAULTS, ...options },
  );
  return { exitCode, ...written };
}

/** The name of the token's caller in what was printed. */
function callerIn(printed: string, token: string): string | undefined {
  const parsed = parseTokenFile(printed);
  return parsed.kind === 'valid' ? createFindByToken(parsed.callers)(token)?.name : undefined;
}

describe('taskgate hash-token', () => {
  it.each([TOKEN, `${TOKEN}\n`, `${TOKEN}\r\n`])(
    'prints an entry that the tokens file takes, for %j',
    async (input) => {
      const { exitCode, stdout, stderr } = await run(input, { name: 'main-api', permissions: ['check'] });
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(callerIn(stdout, TOKEN)).toBe('main-api');
      expect(stdout).not.toContain(TOKEN);
    },
  );

  it('makes a token that is never the same, and keeps it out of the entry', async () => {
    const runs = await Promise.all([run('', { isGenerated: true }), run('', { isGenerated: true })]);
    const tokens = runs.map(({ stderr }) => /: (\S+)\n$/.exec(stderr)?.[1] ?? '');
    expect(new Set(tokens).size).toBe(2);
    for (const [index, { stdout }] of runs.entries()) {
      expect(Buffer.from(tokens[index] ?? '', 'base64url')).toHaveLength(32);
      expect(callerIn(stdout, tokens[index] ?? '')).toBe('caller');
      expect(stdout).not.toContain(tokens[index]);
    }
  });

  it.each([
    ['', /must be one line/],
    ['two words of a password', /must be one line/],
    [`${TOKEN}\n${TOKEN}`, /must be one line/],
    ['hunter2', /random, 128 bits or more/],
    [TOKEN.slice(0, 21), /random, 128 bits or more/],
  ])('refuses %j, without saying it', async (input, message) => {
    const { exitCode, stdout, stderr } = await run(input);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    if (input !== '') expect(stderr).not.toContain(input);
  });

  it.each([
    [['hash-token'], DEFAULTS],
    [['hash-token', '--generate'], { ...DEFAULTS, isGenerated: true }],
    [
      ['hash-token', '--name', 'gateway', '--permissions', 'admin,check'],
      { ...DEFAULTS, name: 'gateway', permissions: ['check', 'admin'] },
    ],
  ])('%j is parsed', (argv, options) => {
    expect(parseCommand(argv)).toEqual({ kind: 'command', command: { name: 'hash-token', options } });
  });

  it.each([
    [['hash-token', TOKEN], 'hash-token takes no argument: the token is read from standard input'],
    [['hash-token', '--permissions', 'read'], '--permissions must be some of check,filter,write,admin'],
    [['hash-token', '--permissions', 'check,check'], '--permissions must be some of check,filter,write,admin'],
    [
      ['hash-token', '--name', 'Main API'],
      '--name must be 1 to 64 of a-z, 0-9 and . _ -, starting and ending with a letter or digit',
    ],
    [['hash-token', '--name'], '--name needs a value'],
    [['hash-token', '--demo'], '--demo does not go with the command hash-token'],
    [['hash-token', '--apply'], '--apply does not go with the command hash-token'],
    [['hash-token', '--generat'], 'unknown flag --generat (did you mean --generate?)'],
    [['serve', '--generate'], '--generate goes with the command hash-token'],
    [['reconcile', '--name', 'x'], '--name goes with the command hash-token'],
  ])('%j is refused', (argv, message) => {
    expect(parseCommand(argv)).toEqual({ kind: 'error', message });
  });
});
