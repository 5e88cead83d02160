import type { IncomingMessage } from 'node:http';

/**
 * Headers by lower-case name, each with all of its values in order: Node's own view joins some that come more than once
 * and drops others, so that two would be one.
 */
export function toHeaderMap(
  { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>,
  { except }: { readonly except: string },
): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (name === except) continue;
    const value = rawHeaders[at + 1] ?? '';
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}
