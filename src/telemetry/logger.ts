import type { DestinationStream, Logger } from 'pino';
import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { TaskgateError } from '../domain/errors.ts';

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
    serializers: { err: serializeError, fault: serializeFault },
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

/**
 * Logs that a store failed us: at `level` in our words alone, and at debug in those of the driver and the store as well.
 * They may hold anything, secrets of the store's own included.
 */
export function logFault(
  logger: Logger,
  level: 'debug' | 'warn' | 'error',
  { fault, ...fields }: { readonly fault: unknown; readonly [field: string]: unknown },
  message: string,
): void {
  if (level !== 'debug') logger[level]({ ...fields, fault }, message);
  if (logger.isLevelEnabled('debug')) logger.debug({ ...fields, err: fault }, message);
}

/** Codes of Node, gRPC and Postgres: nothing else that a store sends looks like one. */
const CODE = /^[A-Z][A-Z_]{1,39}$|^[0-9A-Z]{5}$/;
const MAX_CAUSES = 5;

/** What of a fault may be logged: kinds, codes, and where it was thrown; texts only where they are ours. */
function serializeFault(fault: unknown, depth = 0): unknown {
  // A cause that is a text is one that we gave.
  if (typeof fault === 'string') return { message: fault };
  if (!(fault instanceof Error)) return { type: typeof fault };
  const { stack = '', message, cause } = fault;
  const at = stack.indexOf(message) + message.length;
  return {
    type: fault.constructor.name,
    ...(fault instanceof TaskgateError ? { message } : {}),
    ...('code' in fault && isCode(fault.code) ? { code: fault.code } : {}),
    stack: stack.slice(at).split('\n').filter(isFrame).join('\n'),
    ...(cause === undefined || depth >= MAX_CAUSES ? {} : { cause: serializeFault(cause, depth + 1) }),
  };
}

function isCode(code: unknown): boolean {
  return typeof code === 'number' || (typeof code === 'string' && CODE.test(code));
}

function isFrame(line: string): boolean {
  return line.startsWith('    at ');
}
