import type { Logger } from 'pino';
import type { CallObserver, Transport } from '../authorize/ports.ts';
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

/** Times every call, and logs the failed ones. What a driver said is logged at debug, and never on the wire. */
export function createCallObserver(deps: { readonly logger: Logger; readonly metrics: Metrics }): CallObserver {
  const { logger, metrics } = deps;
  /** prom-client sorts and joins the labels of each observation otherwise. The labels are closed sets. */
  const timers = new Map<string, ReturnType<typeof metrics.calls.labels>>();
  const timerOf = (method: string, transport: Transport, code: number) => {
    const key = `${method} ${transport} ${code}`;
    const timer = timers.get(key) ?? metrics.calls.labels({ method, transport, code });
    timers.set(key, timer);
    return timer;
  };
  return {
    ended({ method, transport, code, durationMs, decisionId, caller, error }) {
      timerOf(method, transport, code).observe(durationMs / 1000);
      if (caller !== undefined) metrics.callerCalls.inc({ caller, code });
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
