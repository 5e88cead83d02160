import type { EvaluationItem, EvaluationSemantic } from '../../authorize/evaluate.ts';
import { EVALUATION_SEMANTICS } from '../../authorize/evaluate.ts';
import type { Tuple } from '../../authorize/plan-tuple.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { JsonObject, JsonValue } from '../../domain/json-value.ts';
import { isJsonObject } from '../../domain/json-value.ts';
import { readField, readOptionalObject, toAction, toContext, toEntity } from './parse-entities.ts';

/** `single` is what is answered by one decision. */
export type EvaluationsRequest =
  | { readonly kind: 'single'; readonly tuple: Tuple }
  | {
      readonly kind: 'many';
      readonly items: readonly EvaluationItem[];
      readonly semantic: EvaluationSemantic;
    };

const TUPLE_KEYS = ['subject', 'action', 'resource', 'context'] as const;

/** Section 6.1. @throws InvalidArgumentError */
export function parseEvaluation(body: JsonObject): Tuple {
  return {
    subject: toEntity(body, 'subject'),
    action: toAction(body),
    resource: toEntity(body, 'resource'),
    context: toContext(body),
  };
}

/**
 * Section 7.1. A request without evaluations is a single one. A key of an item is there in place of the whole default: what
 * the default holds is not mixed into it.
 *
 * @throws InvalidArgumentError if the request as a whole is wrong.
 */
export function parseEvaluations(body: JsonObject, { maxItems }: { readonly maxItems: number }): EvaluationsRequest {
  const semantic = toSemantic(readField(readOptionalObject(body, 'options'), 'evaluations_semantic'));
  const evaluations = readField(body, 'evaluations');
  if (evaluations === undefined) return { kind: 'single', tuple: parseEvaluation(body) };
  if (!isList(evaluations)) throw new InvalidArgumentError('evaluations', 'must be a list');
  if (evaluations.length === 0) return { kind: 'single', tuple: parseEvaluation(body) };
  if (evaluations.length > maxItems) throw new InvalidArgumentError('evaluations', `must be at most ${maxItems}`);
  for (const key of TUPLE_KEYS) {
    // What is no object is no default for anything.
    readOptionalObject(body, key);
  }
  return { kind: 'many', semantic, items: evaluations.map((item) => toItem(item, body)) };
}

function toItem(item: JsonValue, defaults: JsonObject): EvaluationItem {
  try {
    if (!isJsonObject(item)) throw new InvalidArgumentError('evaluation', 'must be an object');
    return { kind: 'tuple', tuple: parseEvaluation({ ...pick(defaults), ...pick(item) }) };
  } catch (thrown) {
    if (thrown instanceof InvalidArgumentError) return { kind: 'invalid', error: thrown };
    throw thrown;
  }
}

function pick(object: JsonObject): JsonObject {
  return Object.fromEntries(
    TUPLE_KEYS.flatMap((key) => {
      const value = readField(object, key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function toSemantic(value: JsonValue | undefined): EvaluationSemantic {
  if (value === undefined) return 'execute_all';
  const known = EVALUATION_SEMANTICS.find((semantic) => semantic === value);
  if (known !== undefined) return known;
  throw new InvalidArgumentError('options.evaluations_semantic', `must be one of ${EVALUATION_SEMANTICS.join(', ')}`);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
