import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { RunningServer } from '../server.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { Output } from '../telemetry/output-sink.ts';
import type { CommandDeps, TextSink } from './config.ts';

/** What a command that serves gets from the process. */
export interface ServerCommandDeps extends CommandDeps {
  readonly stdout: TextSink & Output & { readonly isTTY?: boolean };
  /** Aborts when the process is asked to end. */
  readonly shutdown: AbortSignal;
}

/** True if people read standard output: a terminal, or text is configured. */
export function isForPeople(
  { stdout }: { readonly stdout: { readonly isTTY?: boolean } },
  { log }: Pick<Config, 'log'>,
): boolean {
  return log.format === 'pretty' || (log.format === 'auto' && stdout.isTTY === true);
}

/** A logger on standard output, in the configured format. */
export function createCommandLogger(
  deps: { readonly stdout: TextSink & { readonly isTTY?: boolean } },
  config: Config,
): Logger {
  const { stdout } = deps;
  const isTerminal = stdout.isTTY === true;
  return createLogger(
    { level: config.log.level, format: isForPeople(deps, config) ? 'pretty' : 'json', isColored: isTerminal },
    stdout,
  );
}

/** Waits until the process is asked to end, then drains the server. */
export async function runUntilShutdown(server: RunningServer, shutdown: AbortSignal, logger: Logger): Promise<void> {
  if (!shutdown.aborted) await once(shutdown, 'abort');
  logger.info('draining');
  await server.close();
  logger.info('stopped');
}
