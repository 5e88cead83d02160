import type { Logger } from 'pino';
import type { CallObserver } from '../authorize/ports.ts';
import {
  CallerPermissionError,
  CancelledError,
  InternalError,
  InvalidArgumentError,
  UnauthenticatedError,
} from '../domain/errors.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

const SECOND_MS = 1_000;

/** Times every call, and logs the failed ones. What a driver said is logged at debug, and never on the wire. */
export function createCallObserver(deps: { readonly logger: Logger; readonly metrics: Metrics }): CallObserver {
  const { logger, metrics } = deps;
  return {
    ended({ method, transport, code, durationMs, decisionId, caller, error }) {
      metrics.calls.observe([method, transport, code], durationMs / SECOND_MS);
      if (caller !== undefined) metrics.callerCalls.inc([caller, code]);
      if (error === undefined) return;
      if (error instanceof UnauthenticatedError) metrics.refusedCallers.inc({ reason: error.reason });
      if (error instanceof CallerPermissionError) metrics.refusedCallers.inc({ reason: 'permission' });
      const known = caller === undefined ? {} : { caller };
      logFault(logger, levelOf(error), { method, transport, code, decisionId, ...known, fault: error }, 'call failed');
    },
  };
}

function levelOf(error: TaskgateError): 'debug' | 'warn' | 'error' {
  if (error instanceof InternalError) return 'error';
  // Whoever is not known must not be able to fill the log: the counter tells of it.
  const isQuiet =
    error instanceof InvalidArgumentError || error instanceof CancelledError || error instanceof UnauthenticatedError;
  return isQuiet ? 'debug' : 'warn';
}
