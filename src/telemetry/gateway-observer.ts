import type { Logger } from 'pino';
import type { GatewayObserver } from '../authorize/ports-gateway.ts';

/** Says at debug what gateways are told, and why: never what was asked. */
export function createGatewayObserver({ logger }: { readonly logger: Logger }): GatewayObserver {
  return {
    answered({ match, answer, reason }) {
      if (!logger.isLevelEnabled('debug')) return;
      const route = 'route' in match ? match.route : undefined;
      const problem = match.kind === 'malformed' ? match.problem : undefined;
      logger.debug(
        { gateway: { match: match.kind, route, answer, reason: reason ?? problem } },
        'a gateway was answered',
      );
    },
  };
}
