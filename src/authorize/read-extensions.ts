import { MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { identifierProblem, nameProblem } from '../domain/identifier.ts';
import type { Operation } from '../domain/operation.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { ResourceKey } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { RouteMatch } from './ports-gateway.ts';

const PREFIX = 'taskgate.';
const TYPE = 'taskgate.type';
const ID = 'taskgate.id';
const NAME = 'taskgate.name';
const OPERATION = 'taskgate.operation';
const KNOWN = new Set([TYPE, ID, NAME, OPERATION]);

/** The name of all routes that a gateway's own configuration decides. */
const ROUTE = 'extensions';

/**
 * What a gateway's configuration says of the route that it took: `taskgate.type`, `taskgate.id` or `taskgate.name`, and
 * `taskgate.operation`. With any of them the route table is not looked at, so a part of them is refused, as is a key that
 * is none of them: it is a mistake that would open what it was meant to guard.
 *
 * @returns undefined if it says nothing
 */
export function readExtensions(extensions: ReadonlyMap<string, string> | undefined): RouteMatch | undefined {
  if (extensions === undefined) return undefined;
  const keys = [...extensions.keys()].filter((key) => key.startsWith(PREFIX));
  if (keys.length === 0) return undefined;
  if (keys.some((key) => !KNOWN.has(key))) return malformed(`a key that is none of ${[...KNOWN].join(', ')}`);
  const [type, word] = [extensions.get(TYPE), extensions.get(OPERATION)];
  if (type === undefined || type === '') return malformed(`${TYPE} is missing`);
  const operation = OPERATIONS.find((known): known is Operation => known === word);
  if (operation === undefined) return malformed(`${OPERATION} is none of ${OPERATIONS.join(', ')}`);
  const key = readKey(extensions.get(ID), extensions.get(NAME));
  if (typeof key === 'string') return malformed(key);
  const check = { resource: { type, key }, operation, consistency: MINIMIZE_LATENCY, createIfAbsent: false };
  return { kind: 'check', route: ROUTE, check };
}

function readKey(id: string | undefined, name: string | undefined): ResourceKey | string {
  if ((id === undefined) === (name === undefined)) return `must have one of ${ID}, ${NAME}`;
  // There is nothing that would fill it in: it would be looked up as it stands, and found by nobody.
  if (/[{}]/.test(id ?? name ?? '')) return 'has a template, and nothing fills it in';
  if (id === NEW_RESOURCE_ID) return { kind: 'new' };
  if (id !== undefined) {
    const problem = identifierProblem(id);
    return problem === undefined ? { kind: 'id', id } : `${ID} ${problem}`;
  }
  const text = name ?? '';
  const problem = nameProblem(text);
  return problem === undefined ? { kind: 'name', name: text } : `${NAME} ${problem}`;
}

function malformed(problem: string): RouteMatch {
  return { kind: 'malformed', route: ROUTE, problem };
}
