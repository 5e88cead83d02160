import { z } from 'zod';
import { choice } from './fields.ts';
import type { ForwardAuthConfig } from './config.ts';

const DENIED_STATUSES = [404, 403] as const;

/** `gateway.forward_auth`: without the section there is no such door. */
export const createForwardAuthSchema = () =>
  z.object({
    request_headers: choice(['forwarded', 'original']).default('forwarded'),
    denied_status: z.literal(DENIED_STATUSES, `must be one of ${DENIED_STATUSES.join(', ')}`).default(404),
  });

/** `gateway.forward_auth`, with defaults. */
export type ForwardAuthSettings = z.output<ReturnType<typeof createForwardAuthSchema>>;

export function toForwardAuthConfig(settings: ForwardAuthSettings): ForwardAuthConfig {
  return { requestHeaders: settings.request_headers, deniedStatus: settings.denied_status };
}

export function toForwardAuthTree(config: ForwardAuthConfig | undefined): ForwardAuthSettings | undefined {
  return config && { request_headers: config.requestHeaders, denied_status: config.deniedStatus };
}
