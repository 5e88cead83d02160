import type { ServedEndpoint } from '../endpoint.ts';
import { AUTHZEN_PATHS } from './paths.ts';
import { echoRequestId } from './request-id.ts';

const WELL_KNOWN = '/.well-known/authzen-configuration';
/** Seconds for which the document may be kept: it changes with a deployment only. */
const MAX_AGE_S = 300;

/**
 * The metadata of section 9, open to everybody. Every URL is of the configuration: what a client sends as its Host decides
 * nothing.
 *
 * @param policyDecisionPoint the base URL; what it has of a path stands after the well-known one
 */
export function createMetadataEndpoint(policyDecisionPoint: string): ServedEndpoint {
  const base = policyDecisionPoint.replace(/\/$/, '');
  const body = JSON.stringify({
    policy_decision_point: policyDecisionPoint,
    access_evaluation_endpoint: `${base}${AUTHZEN_PATHS.evaluation}`,
    access_evaluations_endpoint: `${base}${AUTHZEN_PATHS.evaluations}`,
    search_subject_endpoint: `${base}${AUTHZEN_PATHS.searchSubject}`,
    search_resource_endpoint: `${base}${AUTHZEN_PATHS.searchResource}`,
    search_action_endpoint: `${base}${AUTHZEN_PATHS.searchAction}`,
  });
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': `max-age=${MAX_AGE_S}`,
  };
  return {
    method: 'GET',
    path: `${WELL_KNOWN}${new URL(base).pathname.replace(/\/$/, '')}`,
    commonHeaders: echoRequestId,
    handler(request, response) {
      response.writeHead(200, { ...headers, ...echoRequestId(request) }).end(body);
    },
  };
}
