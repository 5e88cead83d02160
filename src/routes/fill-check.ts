import { identifierProblem, nameProblem } from '../domain/identifier.ts';
import type { ResourceKey, ResourceRef } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { JsonObject, JsonValue } from '../domain/json-value.ts';
import { isJsonObject, readKey } from '../domain/json-value.ts';
import { readQuery } from './read-query.ts';
import type { CheckTemplate, ResourceTemplate, Template } from './route.ts';

/** What a request gives to fill the places of a check with. */
export interface GivenValues {
  /** The segment under a parameter of the path; the pattern has it. */
  readonly parameter: (name: string) => string;
  readonly query: string | undefined;
  /** The JSON body; undefined if the route needs none. */
  readonly body: JsonValue | undefined;
  /** The `params` of a JSON-RPC call; undefined if it is none. */
  readonly params: JsonObject | undefined;
}

/** A check that can be decided, none, or why there is none. */
export type FilledCheck =
  | { readonly kind: 'check'; readonly check: TaskCheck }
  /** The request names no resource, and need not. */
  | { readonly kind: 'not_given' }
  /** Holds nothing of the request. */
  | { readonly kind: 'problem'; readonly problem: string };

type FilledText =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'problem'; readonly problem: string };

type FilledKey =
  | { readonly kind: 'key'; readonly key: ResourceKey }
  | { readonly kind: 'absent' }
  | { readonly kind: 'problem'; readonly problem: string };

const ABSENT = { kind: 'absent' } as const;
const NEW: ResourceKey = { kind: 'new' };

/** Fills the places of a check with what a request gives, all of which is from outside. */
export function fillCheck(template: CheckTemplate, given: GivenValues): FilledCheck {
  const { operation, consistency, createIfAbsent, resource } = template;
  const filled = fillKey(resource, given);
  if (filled.kind === 'problem') return filled;
  if (filled.kind === 'absent') {
    if (template.ifGiven) return { kind: 'not_given' };
    if (!template.createIfUnnamed) return { kind: 'problem', problem: `names no ${resource.type}` };
    const check = { resource: { type: resource.type, key: NEW }, consistency, createIfAbsent: false } as const;
    return { kind: 'check', check: { ...check, operation: 'create' } };
  }
  const { key } = filled;
  const check = {
    resource: { type: resource.type, key },
    operation,
    consistency,
    createIfAbsent: createIfAbsent && key.kind === 'name',
  };
  if (template.parent === undefined) return { kind: 'check', check };
  const parent = fillKey(template.parent, given);
  if (parent.kind === 'problem') return parent;
  if (parent.kind === 'absent') return { kind: 'problem', problem: `names no ${template.parent.type}` };
  const parentRef: ResourceRef = { type: template.parent.type, key: parent.key };
  return { kind: 'check', check: { ...check, parent: parentRef } };
}

function fillKey({ type, id, name }: ResourceTemplate, given: GivenValues): FilledKey {
  const filledId = fillText(id, given);
  const filledName = fillText(name, given);
  if (filledId.kind === 'problem') return filledId;
  if (filledName.kind === 'problem') return filledName;
  if (filledId.kind === 'value') {
    if (filledName.kind === 'value')
      return { kind: 'problem', problem: `gives both the id and the name of the ${type}` };
    // What a client sends is never the resource that does not exist yet: that is asked of the account, not of a resource.
    if (filledId.value === NEW_RESOURCE_ID) {
      return id?.kind === 'literal' ? { kind: 'key', key: NEW } : { kind: 'problem', problem: 'the id is *' };
    }
    const problem = identifierProblem(filledId.value);
    return problem === undefined
      ? { kind: 'key', key: { kind: 'id', id: filledId.value } }
      : { kind: 'problem', problem: `the id ${problem}` };
  }
  if (filledName.kind === 'absent') return ABSENT;
  const problem = nameProblem(filledName.value);
  return problem === undefined
    ? { kind: 'key', key: { kind: 'name', name: filledName.value } }
    : { kind: 'problem', problem: `the name ${problem}` };
}

function fillText(template: Template | undefined, given: GivenValues): FilledText {
  switch (template?.kind) {
    case undefined:
      return ABSENT;
    case 'literal':
      return { kind: 'value', value: template.text };
    case 'path':
      return { kind: 'value', value: fillPath(template.names, given) };
    case 'query':
      return readQuery(given.query, template.name);
    case 'body':
      return readText(given.body, template.keys);
    case 'params':
      return readText(given.params, template.keys);
    default:
      return template satisfies never;
  }
}

/** Mostly of one parameter. */
function fillPath(names: readonly string[], { parameter }: GivenValues): string {
  let path = '';
  for (const name of names) path = path === '' ? parameter(name) : `${path}/${parameter(name)}`;
  return path;
}

/** A null counts as absent, as it does for the applications that have optional fields. */
function readText(root: JsonValue | undefined, keys: readonly string[]): FilledText {
  let value = root;
  for (const key of keys) {
    if (value === undefined || value === null) return ABSENT;
    if (!isJsonObject(value)) return { kind: 'problem', problem: `${keys.join('.')} is not in an object` };
    value = readKey(value, key);
  }
  if (value === undefined || value === null) return ABSENT;
  return typeof value === 'string'
    ? { kind: 'value', value }
    : { kind: 'problem', problem: `${keys.join('.')} is not a text` };
}
