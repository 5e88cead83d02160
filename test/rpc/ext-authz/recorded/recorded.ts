import { readFileSync } from 'node:fs';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

/** CheckRequests in the bytes that the whole protos of Envoy make of `sources.ts`, by name. */
export const RECORDED: ReadonlyMap<string, Uint8Array> = new Map(
  (read('check-requests.json') as { readonly name: string; readonly bytes: string }[]).map(({ name, bytes }) => [
    name,
    Buffer.from(bytes, 'base64'),
  ]),
);

/** What the whole protos say: message → field → [number, type], and enum → name → number. */
export const FIELDS = read('fields.json') as {
  readonly messages: Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
};

/** @throws Error if there is none of the name */
export function recorded(name: string): Uint8Array {
  const bytes = RECORDED.get(name);
  if (bytes === undefined) throw new Error(`nothing is recorded as ${name}`);
  return bytes;
}
