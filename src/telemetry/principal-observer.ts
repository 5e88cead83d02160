import type { Logger } from 'pino';
import type { PrincipalObserver } from '../authorize/ports-principals.ts';
import type { Metrics } from './metrics.ts';

/** Counts proofs of principals, and logs key sets that can't be had. */
export function createPrincipalObserver(deps: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): PrincipalObserver {
  const { logger, metrics } = deps;
  return {
    proved: (source, outcome) => metrics.principals.inc([source, outcome]),
    keysFailed(issuer, err) {
      metrics.faults.inc({ where: 'issuer' });
      logger.warn({ issuer, err }, 'the keys of an issuer can not be had: its tokens prove nobody until they can');
    },
  };
}
