import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

export interface LoggerOptions {
  /** `trace` to `fatal`, or `silent`. */
  readonly level: string;
  /** JSON lines for machines, or colour for people. */
  readonly format: 'json' | 'pretty';
}

export function createLogger(options: LoggerOptions, destination: DestinationStream): Logger {
  const base = { level: options.level, base: {}, timestamp: pino.stdTimeFunctions.isoTime };
  return options.format === 'pretty'
    ? pino(base, PinoPretty({ destination, colorize: true, ignore: 'pid,hostname', sync: true }))
    : pino(base, destination);
}
