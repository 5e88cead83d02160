import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { hashToken, parseBearerToken } from '../callers/token-callers.ts';
import type { CallerPermission } from '../domain/caller.ts';
import type { CommandDeps } from './config.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

export interface HashTokenOptions {
  /** Make a token instead of reading one. */
  readonly isGenerated: boolean;
  readonly name: string;
  readonly permissions: readonly CallerPermission[];
}

export interface HashTokenDeps extends Pick<CommandDeps, 'stdout' | 'stderr'> {
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
}

const TOKEN_BYTES = 32;
/** 128 bits in base64url. Fewer characters can't hold them in any notation that a header takes. */
const MIN_TOKEN_LENGTH = 22;

/**
 * Prints the entry of a token for the tokens file, on standard output. The token itself is read from standard input, or
 * made and written to standard error: never on the command line, where other programs could read it.
 */
export async function runHashToken(deps: HashTokenDeps, options: HashTokenOptions): Promise<ExitCode> {
  const token = options.isGenerated
    ? randomBytes(TOKEN_BYTES).toString('base64url')
    : (await deps.readInput()).replace(/\r?\n$/, '');
  if (parseBearerToken(`Bearer ${token}`) === undefined) {
    deps.stderr.write('taskgate: the token must be one line of A-Z, a-z, 0-9 and - . _ ~ + / with = at its end only\n');
    return EXIT_CODES.misused;
  }
  if (token.length < MIN_TOKEN_LENGTH) {
    deps.stderr.write(
      `taskgate: the token must be random, 128 bits or more: ${MIN_TOKEN_LENGTH} characters at least (--generate makes one)\n`,
    );
    return EXIT_CODES.misused;
  }
  if (options.isGenerated) deps.stderr.write(`token, for the caller alone: ${token}\n`);
  const { name, permissions } = options;
  deps.stdout.write(stringify([{ name, sha256: hashToken(token), permissions }], { lineWidth: 0 }));
  return EXIT_CODES.ok;
}
