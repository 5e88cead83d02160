import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import { toTaskgateError } from '../domain/errors.ts';
import { registerAccount } from '../lifecycle/register-account.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import type { CommandDeps } from './config.ts';
import { toSpiceDbOptions } from './open-stores.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

const TIMEOUT_MS = 10_000;

/** Opens the tenant gate of an account in the configured SpiceDB. Doing it again changes nothing. */
export async function runAddAccount({ stdout, stderr, ...deps }: CommandDeps, account: string): Promise<ExitCode> {
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid') {
    stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb: toSpiceDbOptions(loaded.config) });
  try {
    const bounds = { signal: AbortSignal.timeout(TIMEOUT_MS), deadlineAtMs: Date.now() + TIMEOUT_MS };
    const writtenAt = await registerAccount(chain, account, bounds);
    stdout.write(`account ${account} may create; written at ${writtenAt}\n`);
    return EXIT_CODES.ok;
  } catch (error) {
    stderr.write(`taskgate: ${toTaskgateError(error).message}\n`);
    return EXIT_CODES.failed;
  } finally {
    chain.close();
  }
}
