import type { JsonObject, JsonValue } from '../domain/json-value.ts';
import { isJsonObject, readKey } from '../domain/json-value.ts';

/** A JSON-RPC call, or why it is none. */
export type ParsedRpcCall =
  | { readonly kind: 'call'; readonly method: string; readonly params: JsonObject }
  /** From a closed set of words. */
  | { readonly kind: 'problem'; readonly problem: string };

/** Parses one call of JSON-RPC 2.0 with parameters by name. A batch is refused: it is many questions, and has one answer. */
export function parseRpcCall(value: JsonValue | undefined): ParsedRpcCall {
  if (Array.isArray(value)) return { kind: 'problem', problem: 'the call is a batch' };
  if (!isJsonObject(value)) return { kind: 'problem', problem: 'the call is not an object' };
  if (readKey(value, 'jsonrpc') !== '2.0') return { kind: 'problem', problem: 'jsonrpc is not "2.0"' };
  const method = readKey(value, 'method');
  if (typeof method !== 'string') return { kind: 'problem', problem: 'method is not a text' };
  const id = readKey(value, 'id') ?? null;
  if (id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return { kind: 'problem', problem: 'id is not a text, a number or null' };
  }
  const params = Object.hasOwn(value, 'params') ? readKey(value, 'params') : {};
  return isJsonObject(params)
    ? { kind: 'call', method, params }
    : { kind: 'problem', problem: 'params are not an object' };
}
