import { z } from 'zod';

/** A key of the configuration that holds a value, and not other keys. */
export interface Setting {
  /** `limits.max_batch_size`; `[]` stands for an element of a list, `<name>` for a key that the operator chooses. */
  readonly path: string;
  /** What a value must be, in the words of the error that says that it is not. */
  readonly rule: string;
  /** Undefined: none. */
  readonly fallback: unknown;
}

/** No kind of setting takes it, so that each says what it does take. */
const NEVER_RIGHT = Symbol('never right');

/** Every setting of a schema, in its order. */
export function listSettings(schema: z.ZodType, path = '', fallback?: unknown): readonly Setting[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return listSettings(schema.def.innerType as z.ZodType, path, schema.def.defaultValue);
  }
  // What may be left out, or null.
  if ('innerType' in schema.def) return listSettings(schema.def.innerType as z.ZodType, path, fallback);
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, child]) =>
      listSettings(child as z.ZodType, path === '' ? key : `${path}.${key}`),
    );
  }
  if (schema instanceof z.ZodRecord) return listSettings(schema.valueType as z.ZodType, `${path}.<name>`);
  const setting = { path, rule: ruleOf(schema), fallback };
  const element = schema instanceof z.ZodArray ? schema.element : undefined;
  return element instanceof z.ZodObject ? [setting, ...listSettings(element, `${path}[]`)] : [setting];
}

function ruleOf(schema: z.ZodType): string {
  const message = schema.safeParse(NEVER_RIGHT).error?.issues[0]?.message ?? '';
  const rule = message.replace(/^must not be empty$/, 'must be text that is not empty').replace(/^must be /, '');
  if (rule === message) throw new Error(`a setting does not say what it must be: ${JSON.stringify(message)}`);
  return rule;
}
