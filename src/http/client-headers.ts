import type { IncomingMessage } from 'node:http';
import type { ClientHeaders } from '../authorize/ports-gateway.ts';

/**
 * Headers by lower-case name, each with all of its values in order: Node's own view joins some that come more than once
 * and drops others, so that two would be one. Few of many are asked for, so each is looked for where it came.
 */
export function createClientHeaders(
  { headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  { except }: { readonly except: string },
): ClientHeaders {
  return {
    get(name) {
      // Most are not there or come once, and Node's view tells that sooner: of these names it joins all values by commas.
      const joined = headers[name];
      if (name === except || joined === undefined) return undefined;
      if (typeof joined === 'string' && name.startsWith('x-') && !joined.includes(',')) return [joined];
      let values: string[] | undefined;
      for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
        const given = rawHeaders[at] ?? '';
        if (given.length !== name.length || (given !== name && given.toLowerCase() !== name)) continue;
        const value = rawHeaders[at + 1] ?? '';
        if (values === undefined) values = [value];
        else values.push(value);
      }
      return values;
    },
  };
}
