import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '../..');

/** Present, or why it is not. */
export type Toolchain = { readonly kind: 'present' } | { readonly kind: 'absent'; readonly reason: string };

const PROBES = {
  python: { command: 'python3', args: ['-c', 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'] },
  go: { command: 'go', args: ['version'] },
} as const;
const REQUIREMENTS = { python: 'python3 of 3.11 or later, with venv', go: 'go' } as const;
const PREPARE_TIMEOUT_MS = 300_000;

/**
 * Whether a client of this language can be tested here. A machine need not have the toolchain, nor reach the packages
 * that it needs.
 *
 * @throws Error if CI has the toolchain and does not reach the packages: there it must be tested.
 */
export async function prepareToolchain(language: keyof typeof PROBES): Promise<Toolchain> {
  const { command, args } = PROBES[language];
  try {
    await run(command, args);
  } catch {
    return { kind: 'absent', reason: `needs ${REQUIREMENTS[language]}` };
  }
  try {
    await run(join(ROOT, 'scripts/prepare-clients.sh'), [language], { timeout: PREPARE_TIMEOUT_MS });
    return { kind: 'present' };
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return { kind: 'absent', reason: `scripts/prepare-clients.sh ${language} failed` };
  }
}

/** For the title of what is skipped. */
export function reasonOf(...toolchains: readonly Toolchain[]): string {
  const reasons = toolchains.flatMap((toolchain) => (toolchain.kind === 'absent' ? [toolchain.reason] : []));
  return reasons.length === 0 ? '' : ` (skipped: ${reasons.join(', ')})`;
}

export interface RunOptions {
  /** Default: the project's root. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. Default 60,000. */
  readonly timeout?: number;
}

/**
 * What a command printed.
 *
 * @throws Error with all that it printed, if it fails.
 */
export async function run(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = {}, timeout = 60_000 }: RunOptions = {},
): Promise<string> {
  // Nothing of Python's is left beside its sources, and Go needs no compiler of C.
  const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', CGO_ENABLED: '0', ...env };
  try {
    return (await promisify(execFile)(command, args, { cwd, env: environment, timeout })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: error });
  }
}
