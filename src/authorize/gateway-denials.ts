import type { GatewayAnswer } from './ports-gateway.ts';

/** Every answer that is no. */
export type DenialKind = Exclude<GatewayAnswer['kind'], 'allowed'>;

/** What the client gets, the same for every request that is denied in this way: nothing of the request is in it. */
export interface Denial {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const HEADERS = [
  ['content-type', 'application/json'],
  // What is denied now may be allowed, or exist, a moment later.
  ['cache-control', 'no-store'],
] as const;

/** The denials as HTTP has them, for every door that a gateway stands before. */
export const GATEWAY_DENIALS: Readonly<Record<DenialKind, Denial>> = {
  not_found: { status: 404, headers: HEADERS, body: '{"error":"not found"}' },
  forbidden: { status: 403, headers: HEADERS, body: '{"error":"forbidden"}' },
  unauthenticated: {
    status: 401,
    headers: [...HEADERS, ['www-authenticate', 'Bearer']],
    body: '{"error":"unauthenticated"}',
  },
  malformed: { status: 400, headers: HEADERS, body: '{"error":"malformed request"}' },
};
