import { decodeOnce } from './split-target.ts';

/** What a query says of one name. */
export type QueryValue =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'absent' }
  /** `problem` holds nothing of the query. */
  | { readonly kind: 'problem'; readonly problem: string };

const ABSENT: QueryValue = { kind: 'absent' };

/**
 * Reads one parameter. Names are compared after decoding, since the application decodes them too. One that is there twice
 * is refused, as is `name[…]`, which some frameworks add to `name`, and `;`, which some split at: for any of them the
 * application could take another value than this one.
 */
export function readQuery(query: string | undefined, name: string): QueryValue {
  if (query === undefined || query === '') return ABSENT;
  if (query.includes(';')) return { kind: 'problem', problem: 'the query has a ;' };
  let found: string | undefined;
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const key = decodeComponent(equals === -1 ? pair : pair.slice(0, equals));
    if (key === undefined) return { kind: 'problem', problem: 'the query can not be decoded' };
    if (key.startsWith(`${name}[`)) return { kind: 'problem', problem: `query.${name} is there as a list` };
    if (key !== name) continue;
    if (found !== undefined) return { kind: 'problem', problem: `query.${name} is there twice` };
    found = decodeComponent(equals === -1 ? '' : pair.slice(equals + 1));
    if (found === undefined) return { kind: 'problem', problem: `query.${name} can not be decoded` };
  }
  return found === undefined ? ABSENT : { kind: 'value', value: found };
}

/** In a query, and only there, a plus is a space. */
function decodeComponent(raw: string): string | undefined {
  return decodeOnce(raw.replaceAll('+', ' '));
}
