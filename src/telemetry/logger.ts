import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

export interface LoggerOptions {
  /** `trace` to `fatal`, or `silent`. */
  readonly level: string;
  /** JSON lines for machines, or text for people. */
  readonly format: 'json' | 'pretty';
  /** With `pretty`: colours, as a terminal shows them. Default false. */
  readonly isColored?: boolean;
}

export function createLogger(options: LoggerOptions, destination: DestinationStream): Logger {
  const base = {
    level: options.level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: serializeError },
  };
  return options.format === 'pretty'
    ? pino(base, PinoPretty({ destination, colorize: options.isColored ?? false, ignore: 'pid,hostname', sync: true }))
    : pino(base, destination);
}

/**
 * What of an error is logged: not its other properties. A driver keeps what it sent in them, passwords included (ioredis:
 * the arguments of the AUTH that was refused).
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = pino.stdSerializers.err(error);
  const code = 'code' in error ? { code: error.code } : {};
  const errors = error instanceof AggregateError ? { errors: error.errors.map(serializeError) } : {};
  return { type, message, stack, ...code, ...errors };
}
