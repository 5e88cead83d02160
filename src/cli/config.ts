import type { ConfigMode } from '../config/config.ts';
import type { ConfigDeps } from '../config/load-config.ts';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import { renderConfig } from '../config/render-config.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

/** Where a command writes to. */
export interface TextSink {
  write(text: string): unknown;
}

/** What commands get from the process. */
export interface CommandDeps extends ConfigDeps {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/** Prints the effective configuration with its secrets masked, or everything that is wrong with it (exit code 2). */
export function runConfig({ stdout, stderr, ...deps }: CommandDeps, options: { readonly mode: ConfigMode }): ExitCode {
  const loaded = loadConfig(deps, options);
  if (loaded.kind === 'invalid') {
    stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  stdout.write(renderConfig(loaded.config));
  return EXIT_CODES.ok;
}
