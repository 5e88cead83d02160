import type { Logger } from 'pino';
import type { GatewayDoor, GatewayEvent, GatewayObserver } from '../authorize/ports-gateway.ts';
import type { TaskgateError } from '../domain/errors.ts';
import {
  CancelledError,
  DeadlineExceededError,
  InvalidArgumentError,
  OverloadedError,
  UnavailableError,
} from '../domain/errors.ts';
import type { Metrics } from './metrics.ts';

/** What a gateway was told, for a label: a closed set. From `unavailable` on nothing was decided. */
type GatewayLabel =
  | 'allowed'
  | 'not_found'
  | 'no_route'
  | 'forbidden'
  | 'unauthenticated'
  | 'bad_request'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'overloaded'
  | 'cancelled'
  | 'error';

const NO_ROUTE = 'none';

/**
 * Counts what the gateways at one door are told, by the route as it stands in the table, and says at debug why: never what
 * was asked.
 */
export function createGatewayObserver(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Pick<Metrics, 'gatewayAnswers'> },
  door: GatewayDoor,
): GatewayObserver {
  return {
    answered(event) {
      const { match, answer, reason } = event;
      metrics.gatewayAnswers.inc([door, toLabel(event), routeOf(match) ?? NO_ROUTE]);
      if (!logger.isLevelEnabled('debug')) return;
      const problem = match.kind === 'malformed' ? match.problem : undefined;
      logger.debug(
        { gateway: { door, match: match.kind, route: routeOf(match), answer, reason: reason ?? problem } },
        'a gateway was answered',
      );
    },
    failed(match, error) {
      metrics.gatewayAnswers.inc([door, toErrorLabel(door, error), routeOf(match) ?? NO_ROUTE]);
    },
  };
}

function routeOf(match: GatewayEvent['match'] | undefined): string | undefined {
  return match !== undefined && 'route' in match ? match.route : undefined;
}

function toLabel({ match, answer }: GatewayEvent): GatewayLabel {
  if (answer === 'malformed') return 'bad_request';
  return answer === 'not_found' && match.kind === 'none' ? 'no_route' : answer;
}

function toErrorLabel(door: GatewayDoor, error: TaskgateError): GatewayLabel {
  // To Envoy it is an error, since only its configuration can have brought it about.
  if (error instanceof InvalidArgumentError && door === 'forward_auth') return 'bad_request';
  if (error instanceof UnavailableError) return 'unavailable';
  if (error instanceof DeadlineExceededError) return 'deadline_exceeded';
  if (error instanceof OverloadedError) return 'overloaded';
  return error instanceof CancelledError ? 'cancelled' : 'error';
}
