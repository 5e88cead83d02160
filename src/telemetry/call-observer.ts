import type { Logger } from 'pino';
import type { CallObserver } from '../authorize/ports.ts';
import { CancelledError, InternalError, InvalidArgumentError } from '../domain/errors.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** Times every call, and logs the failed ones. What a driver said is logged at debug, and never on the wire. */
export function createCallObserver(deps: { readonly logger: Logger; readonly metrics: Metrics }): CallObserver {
  const { logger, metrics } = deps;
  return {
    ended({ method, transport, code, durationMs, decisionId, error }) {
      metrics.calls.observe({ method, transport, code }, durationMs / 1000);
      if (error === undefined) return;
      logFault(logger, levelOf(error), { method, transport, code, decisionId, fault: error }, 'call failed');
    },
  };
}

function levelOf(error: TaskgateError): 'debug' | 'warn' | 'error' {
  if (error instanceof InternalError) return 'error';
  return error instanceof InvalidArgumentError || error instanceof CancelledError ? 'debug' : 'warn';
}
