#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { parseCommand } from './cli/parse-command.ts';
import type { ExitCode } from './cli/usage.ts';
import { EXIT_CODES, USAGE } from './cli/usage.ts';

// Each command is loaded when it runs: a probe in a small container must not load a server.
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
    case 'serve': {
      const { runServe } = await import('./cli/serve.ts');
      return runServe({ ...deps, shutdown: shutdownSignal() });
    }
    case 'demo': {
      const { runDemo } = await import('./cli/demo.ts');
      return runDemo({ ...deps, shutdown: shutdownSignal() });
    }
    case 'healthcheck': {
      const { runHealthcheck } = await import('./cli/healthcheck.ts');
      return runHealthcheck(deps, command.options);
    }
    case 'schema': {
      const { runSchema } = await import('./cli/schema.ts');
      return runSchema(deps, command.options);
    }
    case 'add-account': {
      const { runAddAccount } = await import('./cli/add-account.ts');
      return runAddAccount(deps, command.account);
    }
    case 'reconcile':
    case 'backfill': {
      const { runReconcile } = await import('./cli/reconcile.ts');
      const shutdown = shutdownSignal(EXIT_CODES.misused);
      return runReconcile({ ...deps, shutdown }, command.name, command.options);
    }
    case 'explain': {
      const { runExplain } = await import('./cli/explain.ts');
      return runExplain(deps, command.options);
    }
    case 'hash-token': {
      const { runHashToken } = await import('./cli/hash-token.ts');
      return runHashToken({ ...deps, readInput: async () => text(process.stdin) }, command.options);
    }
    case 'config': {
      const { runConfig } = await import('./cli/config.ts');
      return runConfig(deps, { mode: command.mode });
    }
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
