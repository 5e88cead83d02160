import { z } from 'zod';
import type { Environment } from './environment.ts';
import { readVariable } from './environment.ts';
import { didYouMean } from './nearest.ts';
import type { ReportProblem } from './problem.ts';
import { toKeyPath } from './problem.ts';
import { REMOVED_SETTINGS } from './removed-settings.ts';
import type { Tree } from './tree.ts';
import { isTree } from './tree.ts';

/** What normalizing needs. */
export interface NormalizeDeps {
  readonly env: Environment;
  readonly report: ReportProblem;
}

type Path = readonly PropertyKey[];

/** What a key is left out for: it says nothing, or its problem is reported. */
const NOTHING = Symbol('nothing');

const REFERENCE = /^\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)\}$/;
const REFERENCES = /\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The environment variables that a text refers to, whether or not it is valid YAML. */
export function findReferences(text: string): ReadonlySet<string> {
  return new Set(Array.from(text.matchAll(REFERENCES), (match) => match.groups?.['name'] ?? ''));
}

/**
 * Reports unknown keys and misplaced mappings, takes `${NAME}` from the environment, and leaves out sections that are
 * empty (all of their keys commented out). What is left has only leaves to be wrong.
 */
export function normalizeTree(value: Tree, schema: z.ZodType, deps: NormalizeDeps): Tree {
  const tree = normalize(value, schema, [], deps);
  return isTree(tree) ? tree : {};
}

function normalize(value: unknown, wrapped: z.core.$ZodType, path: Path, deps: NormalizeDeps): unknown {
  if (wrapped instanceof z.ZodNullable && value === null) return null;
  const schema = unwrap(wrapped);
  if (typeof value === 'string') return isMapping(schema) ? notMapping(path, deps) : expand(value, path, deps);
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((element: unknown, index) => normalizeElement(element, schema.element, [...path, index], deps));
  }
  if (!isMapping(schema)) return value;
  if (value === null) return NOTHING;
  if (!isTree(value)) return notMapping(path, deps);

  const normalized: Tree = {};
  for (const [key, child] of Object.entries(value)) {
    const childPath = [...path, key];
    const childSchema = childSchemaOf(schema, key);
    if (childSchema === undefined) {
      const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
      const keyPath = toKeyPath(childPath);
      deps.report(keyPath, REMOVED_SETTINGS.get(keyPath) ?? `is not a known key${didYouMean(key, known)}`);
      continue;
    }
    const result = normalize(child, childSchema, childPath, deps);
    if (result !== NOTHING) normalized[key] = result;
  }
  return normalized;
}

/** An element keeps its place, so that the indices in other problems stay right. */
function normalizeElement(element: unknown, schema: z.core.$ZodType, path: Path, deps: NormalizeDeps): unknown {
  if (isMapping(unwrap(schema)) && !isTree(element)) return element;
  const result = normalize(element, schema, path, deps);
  return result === NOTHING ? undefined : result;
}

function childSchemaOf(schema: z.ZodObject | z.ZodRecord, key: string): z.core.$ZodType | undefined {
  // A record takes any key but this one, which would set the prototype instead.
  if (schema instanceof z.ZodRecord) return key === '__proto__' ? undefined : schema.valueType;
  return Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
}

function notMapping(path: Path, deps: NormalizeDeps): typeof NOTHING {
  deps.report(toKeyPath(path), 'must be a mapping');
  return NOTHING;
}

function expand(value: string, path: Path, deps: NormalizeDeps): unknown {
  const name = REFERENCE.exec(value)?.groups?.['name'];
  if (name === undefined) {
    if (!value.includes('${')) return value;
    deps.report(toKeyPath(path), '${NAME} must be the whole value');
    return NOTHING;
  }
  const replacement = readVariable(deps.env, name);
  if (replacement !== undefined) return replacement;
  deps.report(toKeyPath(path), `refers to the environment variable ${name}, which is not set or empty`);
  return NOTHING;
}

function isMapping(schema: z.core.$ZodType): schema is z.ZodObject | z.ZodRecord {
  return schema instanceof z.ZodObject || schema instanceof z.ZodRecord;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodExactOptional ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodNullable
  ) {
    inner = inner.unwrap();
  }
  return inner;
}
