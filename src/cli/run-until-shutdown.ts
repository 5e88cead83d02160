import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { RunningServer } from '../server.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { CommandDeps, TextSink } from './config.ts';

/** What a command that serves gets from the process. */
export interface ServerCommandDeps extends CommandDeps {
  readonly stdout: TextSink & { readonly isTTY?: boolean };
  /** Aborts when the process is asked to end. */
  readonly shutdown: AbortSignal;
}

/** A logger on standard output, in the configured format. */
export function createCommandLogger({ stdout }: Pick<ServerCommandDeps, 'stdout'>, { log }: Config): Logger {
  const isTerminal = stdout.isTTY === true;
  const isPretty = log.format === 'pretty' || (log.format === 'auto' && isTerminal);
  return createLogger({ level: log.level, format: isPretty ? 'pretty' : 'json', isColored: isTerminal }, stdout);
}

/** Waits until the process is asked to end, then drains the server. */
export async function runUntilShutdown(server: RunningServer, shutdown: AbortSignal, logger: Logger): Promise<void> {
  if (!shutdown.aborted) await once(shutdown, 'abort');
  logger.info('draining');
  await server.close();
  logger.info('stopped');
}
