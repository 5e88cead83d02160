import type { IncomingMessage } from 'node:http';

const HEADER = 'x-request-id';
/** What can be sent back as it came: visible ASCII, with spaces inside. */
const REQUEST_ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/;

/** The id that the caller gave its request, to be sent back with whatever answer (section 10.1.9). Any other is left out. */
export function echoRequestId({ headersDistinct }: IncomingMessage): Readonly<Record<string, string>> {
  const [id, ...others] = headersDistinct[HEADER] ?? [];
  return id !== undefined && others.length === 0 && REQUEST_ID.test(id) ? { [HEADER]: id } : {};
}
