import { v1 } from '@authzed/authzed-node';
import type { PolicyContext } from '../authorize/ports-policy.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { JsonObject, JsonValue } from '../domain/json-value.ts';
import { isJsonObject } from '../domain/json-value.ts';

/** SpiceDB's own bound on the context of a request (`--max-caveat-context-size`). */
const MAX_CONTEXT_BYTES = 4_095;

/** @throws InvalidArgumentError with the field `context` if SpiceDB would not take it. */
export function toCaveatContext(context: PolicyContext): v1.PbStruct {
  const struct = toStruct(context);
  if (v1.PbStruct.toBinary(struct).length > MAX_CONTEXT_BYTES) {
    throw new InvalidArgumentError('context', `is too large: with all properties at most ${MAX_CONTEXT_BYTES} bytes`);
  }
  return struct;
}

/** The generated codec would take a key `__proto__` for the prototype. */
function toStruct(object: JsonObject): v1.PbStruct {
  return { fields: Object.fromEntries(Object.entries(object).map(([key, value]) => [key, toValue(value)])) };
}

type StructValue = v1.PbStruct['fields'][string];

function toValue(value: JsonValue): StructValue {
  if (typeof value === 'boolean') return { kind: { oneofKind: 'boolValue', boolValue: value } };
  if (typeof value === 'number') return { kind: { oneofKind: 'numberValue', numberValue: value } };
  if (typeof value === 'string') return { kind: { oneofKind: 'stringValue', stringValue: value } };
  if (value === null) return { kind: { oneofKind: 'nullValue', nullValue: v1.PbNullValue.NULL_VALUE } };
  return isJsonObject(value)
    ? { kind: { oneofKind: 'structValue', structValue: toStruct(value) } }
    : { kind: { oneofKind: 'listValue', listValue: { values: value.map(toValue) } } };
}
