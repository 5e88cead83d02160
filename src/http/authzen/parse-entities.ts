import type { TupleAction, TupleEntity, TupleType } from '../../authorize/plan-tuple.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { JsonObject, JsonValue } from '../../domain/json-value.ts';
import { isJsonObject } from '../../domain/json-value.ts';

const NONE: JsonObject = {};

/** Unknown fields are ignored, as section 4 says: a later version may have them. */
export function readField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** @throws InvalidArgumentError */
export function readObject(object: JsonObject, key: string, path = key): JsonObject {
  const value = readField(object, key);
  if (value === undefined) throw new InvalidArgumentError(path, 'must be set');
  if (!isJsonObject(value)) throw new InvalidArgumentError(path, 'must be an object');
  return value;
}

/** @throws InvalidArgumentError */
export function readOptionalObject(object: JsonObject, key: string, path = key): JsonObject {
  return readField(object, key) === undefined ? NONE : readObject(object, key, path);
}

/** @throws InvalidArgumentError */
export function readString(object: JsonObject, key: string, path: string): string {
  const value = readField(object, key);
  if (value === undefined) throw new InvalidArgumentError(path, 'must be set');
  if (typeof value !== 'string') throw new InvalidArgumentError(path, 'must be a string');
  if (value === '') throw new InvalidArgumentError(path, 'must not be empty');
  return value;
}

/** The fields of a request that are not the tuple's own are in `body`. @throws InvalidArgumentError */
export function toEntity(body: JsonObject, key: 'subject' | 'resource'): TupleEntity {
  return { ...toType(body, key), id: readString(readObject(body, key), 'id', `${key}.id`) };
}

/** An entity whose id is searched: one that is there is not looked at. @throws InvalidArgumentError */
export function toType(body: JsonObject, key: 'subject' | 'resource'): TupleType {
  const entity = readObject(body, key);
  return {
    type: readString(entity, 'type', `${key}.type`),
    properties: readOptionalObject(entity, 'properties', `${key}.properties`),
  };
}

/** @throws InvalidArgumentError */
export function toAction(body: JsonObject): TupleAction {
  const action = readObject(body, 'action');
  return {
    name: readString(action, 'name', 'action.name'),
    properties: readOptionalObject(action, 'properties', 'action.properties'),
  };
}

/** @throws InvalidArgumentError */
export function toContext(body: JsonObject): JsonObject {
  return readOptionalObject(body, 'context');
}
