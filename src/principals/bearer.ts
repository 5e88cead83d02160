/** RFC 6750, 2.1: the scheme in any case (RFC 9110, 11.1), one or more spaces, and a b64token. */
const BEARER = /^bearer +(?<token>[A-Za-z0-9\-._~+/]+=*)$/i;

/** The token of an `authorization` header, of any length; undefined if the header is anything else. */
export function parseBearer(header: string): string | undefined {
  return BEARER.exec(header)?.groups?.['token'];
}
