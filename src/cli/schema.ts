import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import { toTaskgateError } from '../domain/errors.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import type { SpiceDbSchema } from '../relationships/spicedb-schema.ts';
import { createSpiceDbSchema, SchemaRefusedError } from '../relationships/spicedb-schema.ts';
import type { CommandDeps } from './config.ts';
import { toSpiceDbOptions } from './open-stores.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

export interface SchemaCommandOptions {
  readonly action: 'check' | 'apply';
  /** A file in SpiceDB's schema language. Default: the schema that comes with taskgate. */
  readonly file?: string;
}

const SHIPPED = fileURLToPath(new URL('../../deploy/spicedb/schema.zed', import.meta.url));
const TIMEOUT_MS = 10_000;

/**
 * Compares a schema with the one in the configured SpiceDB, and with `apply` writes it where they differ. What differs is
 * printed before it is written. Doing it again changes nothing.
 */
export async function runSchema(
  { stdout, stderr, ...deps }: CommandDeps,
  { action, file = SHIPPED }: SchemaCommandOptions,
): Promise<ExitCode> {
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid') {
    stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const fail = (message: string, exitCode: ExitCode): ExitCode => {
    stderr.write(`taskgate: ${message}\n`);
    return exitCode;
  };
  let schema: string;
  try {
    schema = deps.readFile(file);
  } catch {
    return fail(`the schema can not be read: ${JSON.stringify(file)}`, EXIT_CODES.misused);
  }
  const chain = createRelationshipChain({ clock: { nowMs: Date.now } }, { spiceDb: toSpiceDbOptions(loaded.config) });
  try {
    const run = action === 'check' ? check : apply;
    return await run(createSpiceDbSchema(chain), schema, (line) => stdout.write(`${line}\n`));
  } catch (thrown) {
    return thrown instanceof SchemaRefusedError
      ? fail(`SpiceDB refuses the schema: ${toOneLine(thrown.message)}`, EXIT_CODES.failed)
      : fail(toTaskgateError(thrown).message, EXIT_CODES.failed);
  } finally {
    chain.close();
  }
}

type Print = (line: string) => void;

async function check(spiceDb: SpiceDbSchema, schema: string, print: Print): Promise<ExitCode> {
  const found = await spiceDb.compare(schema, bounds());
  if (found.kind === 'same') print('SpiceDB has this schema');
  else if (found.kind === 'absent') print('SpiceDB has no schema');
  else for (const line of found.differences) print(line);
  return found.kind === 'same' ? EXIT_CODES.ok : EXIT_CODES.failed;
}

async function apply(spiceDb: SpiceDbSchema, schema: string, print: Print): Promise<ExitCode> {
  const found = await spiceDb.compare(schema, bounds());
  if (found.kind === 'same') {
    print('SpiceDB has this schema');
    return EXIT_CODES.ok;
  }
  if (found.kind === 'different') for (const line of found.differences) print(line);
  const writtenAt = await spiceDb.write(schema, bounds());
  print(`the schema is written, at ${writtenAt}`);
  return EXIT_CODES.ok;
}

function bounds() {
  return { signal: AbortSignal.timeout(TIMEOUT_MS), deadlineAtMs: Date.now() + TIMEOUT_MS };
}

/** SpiceDB's words for a terminal: no line breaks and no control characters. */
function toOneLine(words: string): string {
  return words.replaceAll(/\s+/g, ' ').replaceAll(/[^\x20-\x7e]/g, '?');
}
