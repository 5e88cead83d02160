#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { runAddAccount } from './cli/add-account.ts';
import { runConfig } from './cli/config.ts';
import { runDemo } from './cli/demo.ts';
import { runHashToken } from './cli/hash-token.ts';
import { parseCommand } from './cli/parse-command.ts';
import { runReconcile } from './cli/reconcile.ts';
import { runServe } from './cli/serve.ts';
import type { ExitCode } from './cli/usage.ts';
import { EXIT_CODES, USAGE } from './cli/usage.ts';

const deps = {
  env: process.env,
  readFile: (path: string) => readFileSync(path, 'utf8'),
  stdout: process.stdout,
  stderr: process.stderr,
};

// Whoever read the output and has left must not end the process: lines that are lost are counted.
process.stdout.on('error', () => undefined);

process.exitCode = await run();
// Whatever a store's client left open must not hold the exit.
process.exit();

async function run(): Promise<ExitCode> {
  const parsed = parseCommand(process.argv.slice(2));
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return EXIT_CODES.ok;
    case 'version':
      process.stdout.write(`${readVersion()}\n`);
      return EXIT_CODES.ok;
    case 'error':
      process.stderr.write(`taskgate: ${parsed.message}\nTry: taskgate --help\n`);
      return EXIT_CODES.misused;
    case 'command':
      break;
    default:
      return parsed satisfies never;
  }
  const { command } = parsed;
  switch (command.name) {
    case 'serve':
      return runServe({ ...deps, shutdown: shutdownSignal() });
    case 'demo':
      return runDemo({ ...deps, shutdown: shutdownSignal() });
    case 'add-account':
      return runAddAccount(deps, command.account);
    case 'reconcile':
    case 'backfill': {
      const shutdown = shutdownSignal(EXIT_CODES.misused);
      return runReconcile({ ...deps, shutdown }, command.name, command.options);
    }
    case 'hash-token':
      return runHashToken({ ...deps, readInput: async () => text(process.stdin) }, command.options);
    case 'config':
      return runConfig(deps, { mode: command.mode });
    default:
      return command satisfies never;
  }
}

/** Aborts on the first SIGTERM or SIGINT; the second ends the process at once, with `atOnce`. */
function shutdownSignal(atOnce: ExitCode = EXIT_CODES.failed): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(atOnce);
      controller.abort();
    });
  }
  return controller.signal;
}

function readVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  return version;
}
